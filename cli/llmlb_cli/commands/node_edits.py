"""llmlb nodes set"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import typer

from llmlb.client.address import segment
from llmlb.client.tags import retagged
from llmlb_cli.commands.node_verbs import File, Ids
from llmlb_cli.consent import ask_context, ask_yes
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.output import line
from llmlb_cli.selection import chosen_ids, nodes_of, unknown_node, with_similar_ids
from llmlb_cli.several import Outcome, act_on_each, first_of, show_outcomes, show_rows

TAGS_AT_MOST = 32
MAX_CHARACTERS = {"name": 128, "note": 2000, "a tag": 64}
LARGEST_NUMBER = 2**53
"""What the router refuses is refused before anything is asked of it, so that --dry-run knows it too."""

_NUMBERS = {"max_concurrency": ("--max-concurrency", 1), "capability_score": ("--capability-score", 0)}


class Edit(NamedTuple):
    """What is to change. fields: the same for every node.  tags, untags: to add to and take from each node's own."""

    fields: Fields
    tags: Sequence[str]
    untags: Sequence[str]


def set_nodes(
    ctx: typer.Context,
    ids: Ids = None,
    file: File = "",
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it; empty takes it away.")] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="Add a tag, in the place of another K=; may be repeated."),
    ] = None,
    untag: Annotated[
        list[str] | None, typer.Option(metavar="K", help="Take the tag K, K= or K=V away; may be repeated.")
    ] = None,
    note_text: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="A note for others; empty takes it away.")
    ] = None,
    max_concurrency: Annotated[
        str | None, typer.Option(metavar="N", help="Requests it gets at once; none: what the node says.")
    ] = None,
    capability_score: Annotated[
        str | None,
        typer.Option("--capability-score", "--score", metavar="POINTS", help="How capable; none: what the node says."),
    ] = None,
) -> ExitCode:
    """Change name, tags, note or limits of nodes; what is not named stays. Several nodes at once ask first.

    A node that has changed since it was looked at stays as it is, and the exit code says so.

    Examples:
      llmlb nodes set node-1 --name "rack 3, left" --tag pool=chat
      llmlb nodes set --filter 'tag:rack=3' --tag pool=chat --untag spare --dry-run
      llmlb nodes set node-1 node-2 --max-concurrency 16 --yes
    """
    numbers = {"max_concurrency": max_concurrency, "capability_score": capability_score}
    edit = _edit({"name": name, "note": note_text}, numbers, tags=tag or (), untags=untag or ())
    router = router_of(ctx)
    chosen = chosen_ids(ids or [], file, router, verb="set")
    is_single = len(chosen) == 1 and not router.options.filter
    if "name" in edit.fields and edit.fields["name"] and not is_single:
        raise usage("a name is for one node", hint="give one id, or mark several nodes with --tag")
    if not chosen:
        note("no node matches, nothing to do")
        return ExitCode.OK
    return _set_one(edit, chosen[0], router) if is_single else _set_many(edit, chosen, router)


def changes_of(edit: Edit, node: Fields) -> Fields:
    """What must be sent for this node: what differs, and every limit, because the one shown may be the node's own."""
    changes = {field: value for field, value in edit.fields.items() if field in _NUMBERS or node.get(field) != value}
    if edit.tags or edit.untags:
        before = _tags(node)
        after = retagged(before, edit.tags, edit.untags)
        if len(after) > TAGS_AT_MOST:
            raise Failure(
                f"{node.get('id')} would have {len(after)} tags, and {TAGS_AT_MOST} are the most", code="too_many_tags"
            )
        if after != before:
            changes["tags"] = after
    return changes


def _edit(
    texts: Mapping[str, str | None], numbers: Mapping[str, str | None], *, tags: Sequence[str], untags: Sequence[str]
) -> Edit:
    given: Fields = {}
    for field, text in texts.items():
        if text is not None:
            given[field] = _short_enough(text.strip(), field)
    for field, text in numbers.items():
        if text is not None:
            given[field] = _number(text, *_NUMBERS[field])
    added = [_short_enough(tag.strip(), "a tag") for tag in tags]
    gone = [tag.strip() for tag in untags]
    if not all((*added, *gone)):
        raise usage("a tag is empty", hint="give K=V, or a word")
    if not (given or added or gone):
        options = "--name, --tag, --untag, --note, --max-concurrency, --capability-score"
        raise usage("nothing to change is given", hint=f"give one or several of {options}")
    return Edit(given, added, gone)


def _short_enough(text: str, what: str) -> str:
    limit = MAX_CHARACTERS[what]
    if len(text) > limit:
        raise usage(f"{what} has {len(text)} characters, and may have {limit}", hint="shorten it")
    return text


def _number(text: str, option: str, least: int) -> int | None:
    if text.lower() == "none":
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 17 and least <= int(text) <= LARGEST_NUMBER):
        raise usage(f'{option} is "{text}", and must be a whole number from {least}, or none', hint=f"{option} 16")
    return int(text)


def _tags(node: Fields) -> list[str]:
    tags = node.get("tags")
    return [str(each) for each in tags] if isinstance(tags, list) else []


def _set_one(edit: Edit, node_id: str, router: Router) -> ExitCode:
    try:
        node = router.fields("GET", f"/v0/nodes/{segment(node_id)}")
        changes = changes_of(edit, node)
        if router.options.dry_run:
            return _rehearse(edit, [node_id], {node_id: node}, router)
        outcome = Outcome(node_id, _patch(node, changes, router))
    except Failure as failure:
        raise with_similar_ids(failure, router, node_id) from failure
    if not router.view.is_human:
        return _show([outcome], {node_id: _words(node, changes)}, router)
    if not router.options.quiet:
        line(f"set {node_id} ({_words(node, changes)})  next: llmlb nodes get {node_id}")
    return ExitCode.OK


def _set_many(edit: Edit, ids: Sequence[str], router: Router) -> ExitCode:
    nodes = {str(node.get("id")): node for node in nodes_of(router)}
    if router.options.dry_run:
        return _rehearse(edit, ids, nodes, router)
    if router.context.confirm == "type-name":
        ask_context(router.context.name, router.options)
    known = [each for each in ids if each in nodes]
    ask_yes(f"Change {len(ids)} {'node' if len(ids) == 1 else 'nodes'}?", router.options, impact=[first_of(known)])
    words: dict[str, str] = {}

    def act(node_id: str) -> Fields:
        if node_id not in nodes:
            raise unknown_node(node_id, router, nodes)
        changes = changes_of(edit, nodes[node_id])
        words[node_id] = _words(nodes[node_id], changes)
        return _patch(nodes[node_id], changes, router)

    return _show(act_on_each(ids, act), words, router)


def _patch(node: Fields, changes: Fields, router: Router) -> Fields:
    if not changes:
        return node
    # Tags are replaced as a whole: without the revision, somebody else's tag of this moment would be lost.
    headers = {"If-Match": str(node.get("revision"))}
    return router.fields("PATCH", f"/v0/nodes/{segment(str(node.get('id')))}", body=changes, headers=headers)


def _show(outcomes: Sequence[Outcome], words: Mapping[str, str], router: Router) -> ExitCode:
    return show_outcomes("NodeOutcomeList", outcomes, router.view, past="set", words=lambda each: words[each.id])


def _rehearse(edit: Edit, ids: Sequence[str], nodes: Mapping[str, Fields], router: Router) -> ExitCode:
    rows = [_foreseen(edit, node_id, nodes.get(node_id)) for node_id in ids]
    failed = sum(1 for row in rows if row["error"])
    show_rows("NodeOutcomeList", rows, router.view, meta={"succeeded": 0, "failed": failed, "dry_run": True})
    return ExitCode.SOME_FAILED if failed else ExitCode.OK


def _foreseen(edit: Edit, node_id: str, node: Fields | None) -> Fields:
    row: Fields = {"id": node_id, "outcome": "failed", "state": None, "error": "not_found"}
    if node is None:
        return {**row, "detail": "there is no such node"}
    try:
        words = _words(node, changes_of(edit, node))
    except Failure as failure:
        return {**row, "state": node.get("state"), "error": failure.code, "detail": failure.message}
    return {**row, "outcome": "would set", "state": node.get("state"), "error": None, "detail": words}


def _words(node: Fields, changes: Fields) -> str:
    """``tags: rack=3 > rack=3 pool=chat, note: - > new fan``."""
    return (
        ", ".join(f"{field}: {_text(node.get(field))} > {_text(value)}" for field, value in changes.items())
        or "as it was"
    )


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)
