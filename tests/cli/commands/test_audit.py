"""llmlb audit list"""

from __future__ import annotations

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter

from llmlb_cli.commands import audit as command


@pytest.fixture(autouse=True)
def trail(router: FakeRouter, monkeypatch: pytest.MonkeyPatch) -> FakeRouter:
    """Nine entries, in pages of four."""
    monkeypatch.setattr(command, "PAGE", 4)
    acts = ("node.approve", "login", "key.create")
    rows = [
        {
            "id": number,
            "at": f"2026-01-31T12:00:0{number}Z",
            "actor": "kim" if number % 2 else "admin",
            "action": acts[number % 3],
            "target": "gpu-1",
            "detail": "x\x1b[2J",
            "address": "10.0.0.1",
        }
        for number in range(9, 0, -1)
    ]

    def answer(asked: Asked) -> Answer:
        before = int(asked.query.get("before", "99"))
        return Answer(200, {"audit": [row for row in rows if int(str(row["id"])) < before][: command.PAGE]})

    router.answers["GET", "/v0/audit"] = answer
    return router


def test_the_trail_is_listed_newest_first_over_all_pages(run: Run) -> None:
    ran = run("audit", "list", "--limit", "0")
    assert ran.out.splitlines()[:2] == [
        "AT                   WHO    ACTION        TARGET  DETAIL",
        "2026-01-31 12:00:09  kim    node.approve  gpu-1   x[2J",
    ]
    assert len(ran.out.splitlines()) == 10


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("--limit 5", "9 8 7 6 5"),
        ("--actor admin", "8 6 4 2"),
        ("--action node", "9 6 3"),
        ("--action node.approve --limit 2", "9 6"),
        ("--action nod", ""),
        ("--since 2026-01-31T12:00:07Z", "9 8 7"),
    ],
)
def test_the_trail_is_narrowed(words: str, ids: str, run: Run) -> None:
    assert run("audit", "list", *words.split(), "-o", "name").out.split() == ids.split()


def test_no_more_pages_are_asked_for_than_are_shown(trail: FakeRouter, run: Run) -> None:
    run("audit", "list", "--limit", "3")
    assert len(trail.asked) == 1
