"""llmlb models list and get"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure, note
from llmlb_cli.output import Listing, show, show_object, write
from llmlb_cli.record_columns import MODEL_NODES, MODELS
from llmlb_cli.selection import nodes_of, unknown_node
from llmlb_cli.suggestions import did_you_mean

if TYPE_CHECKING:
    import typer

LATEST = ":latest"


def list_models(
    ctx: typer.Context,
    node: Annotated[str, typer.Option(metavar="ID", help="Only the models of this node.")] = "",
    ready: Annotated[bool, typer.Option("--ready", help="Only models that a node can take requests for.")] = False,
) -> None:
    """List the models of all approved nodes, and how many nodes can take requests for each.

    READY counts nodes that get work now, NODES all that have the model, LOADED those that hold it in memory.

    Examples:
      llmlb models list
      llmlb models list --ready -o name
      llmlb models list -o json | jq '.items[] | select(.ready == 0)'
    """
    router = router_of(ctx)
    nodes = nodes_of(router)
    rows = [
        row
        for row in models_of(nodes)
        if (not node or node in _ids(row)) and (not ready or (isinstance(row["ready"], int) and row["ready"] > 0))
    ]
    if node and not any(each.get("id") == node for each in nodes):
        raise unknown_node(node, router, [str(each.get("id")) for each in nodes])
    show(Listing("ModelList", MODELS, rows, name="name", sort_by=("name",)), router.view)
    anything = [str(each.get("id")) for each in nodes if each.get("state") == "online" and not _names(each)]
    if anything and router.view.is_human and not router.options.quiet:
        note(f"any model is also sent to {', '.join(anything)}: no list of models came from there")


def get_model(
    ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The model, or an alias of it.")]
) -> None:
    """Show one model: which nodes have it, which hold it in memory, which can take a request now.

    Examples:
      llmlb models get llama-3.2-1b
      llmlb models get llama-3.2-1b -o json | jq '.item.nodes[].id'
      llmlb models get qwen3-8b -o yaml
    """
    router = router_of(ctx)
    nodes = nodes_of(router)
    explained = router.fields("GET", "/v0/explain", query={"model": name})
    resolved = str(explained.get("resolved") or name)
    found = {_plain(str(row["name"])): row for row in models_of(nodes)}.get(_plain(resolved))
    if found is None:
        raise unknown_model(name, router, nodes)
    item = {**found, "asked_as": name}
    if not router.view.is_human:
        show_object("Model", item, router.view, name="name", columns=MODELS)
        return
    show_object("Model", {key: value for key, value in item.items() if key != "nodes"}, router.view, columns=MODELS)
    rows = found["nodes"]
    if isinstance(rows, list) and not router.view.fields:
        write("\n")
        show(Listing("ModelNodeList", MODEL_NODES, rows, sort_by=("id",)), router.view)


def models_of(nodes: Iterable[Fields]) -> list[Fields]:
    """Every model of the approved nodes. ``llama3`` and ``llama3:latest`` are one."""
    by_name: dict[str, Fields] = {}
    for node in nodes:
        loaded = {_plain(name) for name in _texts(node.get("loaded_models"))}
        for name in _names(node) if _is_approved(node) else ():
            row = by_name.setdefault(_plain(name), {"name": name, "ready": 0, "loaded": 0, "nodes": []})
            entry = {
                "id": node.get("id"),
                "state": node.get("state"),
                "draining": bool(node.get("draining")),
                "late": bool(node.get("late")),
                "circuit": node.get("circuit"),
                "ready": takes_work(node),
                "loaded": _plain(name) in loaded,
                "active_requests": node.get("active_requests"),
            }
            entries = row["nodes"]
            assert isinstance(entries, list), "made a list above"
            if any(each["id"] == entry["id"] for each in entries):
                continue
            entries.append(entry)
            row["ready"] = sum(1 for each in entries if each["ready"])
            row["loaded"] = sum(1 for each in entries if each["loaded"])
    return list(by_name.values())


def takes_work(node: Mapping[str, object]) -> bool:
    """Whether a node gets new requests, its limit and its thresholds aside."""
    flags = node.get("draining") or node.get("late")
    return node.get("state") == "online" and not flags and node.get("circuit") == "closed"


def unknown_model(name: str, router: Router, nodes: Sequence[Fields]) -> Failure:
    """The failure for a model that no approved node has."""
    known = [str(row["name"]) for row in models_of(nodes)]
    return Failure(
        f'no approved node of {router.url} has the model "{name}"',
        exit_code=ExitCode.NOT_FOUND,
        hint=did_you_mean(name, known) or "which there are: llmlb models list",
        context=router.description,
    )


def _is_approved(node: Fields) -> bool:
    return node.get("state") in ("online", "offline")


def _names(node: Fields) -> list[str]:
    """What a node has, in memory or on disk, each once."""
    names = [*_texts(node.get("loaded_models")), *_texts(node.get("available_models"))]
    return list({_plain(name): name for name in reversed(names)}.values())


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _plain(name: str) -> str:
    return name.removesuffix(LATEST)


def _ids(row: Fields) -> list[object]:
    nodes = row["nodes"]
    return [each.get("id") for each in nodes] if isinstance(nodes, list) else []
