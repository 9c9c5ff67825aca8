"""--filter over the rows of any list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cli.command_line import Run
from cli.fake_router import FakeRouter, node

from llmlb_cli.columns import Column, Row
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.filtering import admitted
from llmlb_cli.units import instant, listed, milliseconds
from llmlb_tui.model.filters import parse_filter
from llmlb_tui.model.nodes import read_node

COLUMNS = (
    Column("name", "NAME"),
    Column("at", "AT", text=instant),
    Column("total_ms", "TOTAL", "total", text=milliseconds, right=True),
    Column("scopes", "SCOPES", text=listed),
)
NOW = datetime.now(UTC)
ROWS: tuple[Row, ...] = (
    {"name": "ci", "at": (NOW - timedelta(days=3)).isoformat(), "total_ms": 1500.0, "scopes": ["api"], "retries": 2},
    {"name": "ops", "at": NOW.isoformat(), "total_ms": None, "scopes": ["admin", "api"], "stream": True},
    {"name": "gone", "at": None, "total_ms": 20.0, "scopes": [], "retries": 0, "stream": False},
)


def names(text: str) -> str:
    return " ".join(str(row["name"]) for row in admitted("KeyList", COLUMNS, ROWS, text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "ci ops gone"),
        ("OP", "ops"),
        ("api !admin", "ci"),
        ("name=ops or name=gone", "ops gone"),
        ("total>1s", "ci"),
        ("total_ms<1s", "gone"),
        ("total:-", "ops"),
        ("at>1d", "ci"),
        ("at<1h", "ops"),
        (f"at:{NOW.year}", "ci ops"),
        ("at:-", "gone"),
        ("retries>=1", "ci"),
        ("stream:yes", "ops"),
        ("stream=false", "gone"),
        ("scopes:adm*", "ops"),
        ("/^o.s$/", "ops"),
    ],
)
def test_rows_are_found_by_column_short_name_or_field(text: str, found: str) -> None:
    assert names(text) == found


def test_a_filter_that_makes_no_sense_is_shown_with_its_place() -> None:
    with pytest.raises(Failure) as caught:
        names("ops colour:red")
    failure = caught.value
    assert failure.exit_code is ExitCode.USAGE
    assert (
        "there is no field colour; the fields are at, name, retries, scopes, stream, total, total_ms" in failure.message
    )
    assert failure.details == ("ops colour:red", "    ^")


QUERIES = (
    "gpu-e",
    "state:pending",
    "state:attention",
    "state!=online",
    "gpu>80",
    "gpu:-",
    "vram<=50",
    "temp>=70c",
    "active>10",
    "total>1k",
    "avg>1s",
    "seen>30s",
    "up>=1h",
    "model:llama*",
    "model:-",
    "tag:pool",
    "tag:pool=chat",
    "excluded:active",
    "/e-[12]$/",
    "!gpu",
    "state:pending or state:offline",
    "(gpu-e or gpu-f) !state:offline",
)
FLEET = (
    node("gpu-e-1", tags=["pool=chat"], gpu_usage=85.0),
    node("gpu-e-2", tags=["pool=embed"], gpu_usage=20.0, avg_response_time_ms=1500.0, vram_usage=10.0),
    node("cpu-1", state="pending", metrics_available=False, loaded_models=[], available_models=[]),
    node("gpu-f-1", state="offline", loaded_models=["qwen3-32b"], available_models=["qwen3-32b"]),
    node("gpu-f-2", draining=True, active_requests=12, excluded_by=["active"], total_requests=2_000_000),
)


@pytest.mark.parametrize("query", QUERIES)
def test_a_list_shows_the_nodes_that_the_console_would(query: str, router: FakeRouter, run: Run) -> None:
    router.add(*FLEET)
    seen_at = datetime.fromisoformat("2026-01-31T12:00:09+00:00").timestamp()  # figures nine seconds old
    wanted = parse_filter(query)
    rows = [row for each in FLEET if (row := read_node(each, seen_at)) is not None]
    console = sorted(row.id for row in rows if wanted.admits(row, seen_at))
    ran = run("nodes", "list", "--filter", query, "-o", "name")
    assert (ran.code, sorted(ran.out.split()), ran.err) == (0, console, "")


def test_a_bad_filter_ends_with_2_and_a_caret(router: FakeRouter, run: Run) -> None:
    ran = run("nodes", "list", "--filter", "gpu-e (")
    assert ran.code == 2
    assert "  gpu-e (\n" in ran.err
    assert ran.err.splitlines()[2].index("^") >= 2 + len("gpu-e ")


def test_no_match_is_said_to_people_and_an_empty_list_to_programs(router: FakeRouter, run: Run) -> None:
    router.add(*FLEET)
    assert run("nodes", "list", "--filter", "nothing").err == "no nodes match\n"
    assert '"count": 0' in run("nodes", "list", "--filter", "nothing", "-o", "json").out
