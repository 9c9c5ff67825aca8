"""What docs/cli-json.md says of the lists is what they hold."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pytest
from cli.command_line import Run

from llmlb.client.contexts import Context, Contexts
from llmlb.doctor.finding import warning
from llmlb.wire.events import EventView
from llmlb.wire.insight import ExplainedNode
from llmlb.wire.keys import JoinTokenView
from llmlb.wire.records import AlertView, AttemptView, AuditEntry, CostView, LeftOutView, RequestDetail, RequestView
from llmlb_cli.commands.alerts import readable
from llmlb_cli.commands.contexts import _row as context_row
from llmlb_cli.commands.doctor import _row as finding_row
from llmlb_cli.commands.models import models_of
from llmlb_cli.local_backups import StoreFiles, backups_of, check_file

PAGE = Path(__file__).parents[3] / "docs" / "cli-json.md"


def documented(kind: str) -> list[list[str]]:
    """The groups of field names in the row of that kind: an item's, then those of what lies within."""
    (row,) = (line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{kind}` |"))
    return [group.split(", ") for group in re.findall(r"`([^`]+)`", row.split("|")[3])]


@pytest.mark.parametrize(
    ("kind", "groups"),
    [
        ("RequestList", [RequestView.model_fields, AttemptView.model_fields]),
        ("Request", [RequestDetail.model_fields, CostView.model_fields, LeftOutView.model_fields]),
        ("EventList", [EventView.model_fields]),
        ("AuditList", [AuditEntry.model_fields]),
        ("AlertList", [readable(dict.fromkeys(AlertView.model_fields, 1), 0.0)]),
        ("JoinTokenList", [JoinTokenView.model_fields]),
        ("NodeVerdictList", [[*ExplainedNode.model_fields, "verdict", "chosen"]]),
        ("FindingList", [finding_row("x", warning("m", fix="f"))]),
    ],
)
def test_the_router_tells_what_is_documented(kind: str, groups: list[Collection[str]]) -> None:
    """At least that: fields are added as the router grows, never taken away."""
    assert [set(group) - set(found) for group, found in zip(documented(kind), groups, strict=True)] == [set()] * len(
        groups
    )


def test_lists_of_this_machine_hold_what_is_documented(home: Path, run: Run) -> None:
    from llmlb.store import Store

    with Store.open(home / "data"):
        pass
    assert run("db", "backup").code == 0
    files = StoreFiles(home / "data", "")
    assert list(check_file(files.places.main)) == documented("StoreFileList")[0]
    assert list(backups_of(files)[0]) == documented("BackupList")[0]
    run("context", "add", "lab", "--url", "http://10.0.0.2:8080")
    contexts = Contexts("", {"lab": Context("lab", "http://10.0.0.2:8080")})
    assert list(context_row(contexts, "lab")) == documented("ContextList")[0]
    (row,) = models_of([{"id": "a", "state": "online", "loaded_models": ["m"]}])
    nodes = row["nodes"]
    assert isinstance(nodes, list)
    assert [list(row), list(nodes[0])] == [
        sorted(documented("ModelList")[0], key=list(row).index),
        documented("ModelList")[1],
    ]
