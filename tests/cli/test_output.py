"""The only writer of stdout."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command_line import Run
from cli.fake_router import Body, FakeRouter, node

from llmlb_cli.output import FORMATS, Listing, View, has_colour, show, show_object, sorted_rows, terminal_cells
from llmlb_cli.registry import NODES

ROWS: list[Body] = [node("node-10", gpu_usage=5.0), node("node-2", gpu_usage=50.0), node("node-1", gpu_usage=None)]
LISTING = Listing("NodeList", NODES, ROWS)


def _shown(capsys: pytest.CaptureFixture[str], view: View, listing: Listing = LISTING) -> str:
    show(listing, view)
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_json_is_one_object_with_kind_items_and_meta(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(_shown(capsys, View("json"), LISTING._replace(meta={"x": 1})))
    assert (document["apiVersion"], document["kind"], document["meta"]) == (
        "llmlb/v1",
        "NodeList",
        {"x": 1, "count": 3},
    )
    assert document["items"] == list(ROWS)


def test_every_format_holds_every_row_and_parses(capsys: pytest.CaptureFixture[str]) -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(_shown(capsys, View("yaml")))["items"] == list(ROWS)
    assert [json.loads(line)["id"] for line in _shown(capsys, View("jsonl")).splitlines()] == [
        "node-10",
        "node-2",
        "node-1",
    ]
    assert [row["id"] for row in csv.DictReader(io.StringIO(_shown(capsys, View("csv"))))] == [
        "node-10",
        "node-2",
        "node-1",
    ]
    tsv = csv.DictReader(io.StringIO(_shown(capsys, View("tsv"))), delimiter="\t")
    assert [row["vram_usage"] for row in tsv] == ["78.2"] * 3
    assert _shown(capsys, View("name")) == "node-10\nnode-2\nnode-1\n"
    assert len(_shown(capsys, View("wide")).splitlines()) == 4


def test_fields_order_and_limit_hold_for_data_too(capsys: pytest.CaptureFixture[str]) -> None:
    view = View("csv", fields=("id", "gpu"), sort_by=("-gpu",), limit=2, quiet=True)
    assert _shown(capsys, view) == "id,gpu_usage\nnode-2,50.0\nnode-10,5.0\n"
    items = json.loads(_shown(capsys, view._replace(format="json")))["items"]
    assert items == [{"id": "node-2", "gpu_usage": 50.0}, {"id": "node-10", "gpu_usage": 5.0}]


def test_rows_that_were_cut_are_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show(LISTING, View("name", limit=1))
    assert capsys.readouterr() == ("node-10\n", "note: 1 of 3 shown, --limit 0 for all\n")


@pytest.mark.parametrize("key", ["gpu", "-gpu"])
def test_rows_without_a_figure_come_last_in_either_order(key: str) -> None:
    assert sorted_rows(LISTING, (key,))[-1]["id"] == "node-1"


def test_the_second_sort_key_decides_among_equals() -> None:
    rows = sorted_rows(LISTING, ("vram", "-id"))
    assert [row["id"] for row in rows] == ["node-10", "node-2", "node-1"]


def test_the_usual_order_gives_way_to_the_one_asked_for() -> None:
    listing = LISTING._replace(sort_by=("id",))
    assert sorted_rows(listing, listing.sort_by)[0]["id"] == "node-1"


def test_an_empty_list_is_said_to_people_and_is_empty_data(capsys: pytest.CaptureFixture[str]) -> None:
    empty = Listing("ApiKeyList", NODES, [])
    assert json.loads(_shown(capsys, View("json"), empty))["items"] == []
    assert _shown(capsys, View("name"), empty) == ""
    show(empty, View())
    assert capsys.readouterr().err == "no api keys\n"


LISTS = ("nodes list", "keys list", "users list", "thresholds preview gpu=40", "config show")


@pytest.mark.parametrize("line", LISTS)
@pytest.mark.parametrize("form", FORMATS)
def test_every_list_parses_in_every_format_with_nothing_on_stderr(
    line: str, form: str, router: FakeRouter, run: Run
) -> None:
    yaml = pytest.importorskip("yaml")
    router.add(*ROWS[:2])
    router.keys = [
        {"id": "key_1", "name": "ci", "hint": "7mQ", "scopes": ["api"], "created_at": "2026-01-31T12:00:00Z"}
    ]
    ran = run(*line.split(), "-o", form, "-q")
    assert (ran.code, ran.err) == (0, "")
    match form:
        case "json" | "yaml":
            document = json.loads(ran.out) if form == "json" else yaml.safe_load(ran.out)
            assert document["items"]
            assert document["meta"]["count"] == len(document["items"])
        case "jsonl":
            assert all(isinstance(json.loads(each), dict) for each in ran.out.splitlines())
        case "csv" | "tsv":
            rows = list(csv.reader(io.StringIO(ran.out), delimiter="," if form == "csv" else "\t"))
            assert len({len(row) for row in rows}) == 1
            assert len(rows) > 1
        case _:
            assert ran.out.endswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_one_object_is_shown_in_every_format(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_object("Version", {"version": "1", "python": None}, View(form), name="version")
    out = capsys.readouterr().out
    assert "1" in out
    assert out.endswith("\n")


def test_a_pipe_has_no_width_and_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert terminal_cells() == 0
    assert not has_colour()


@pytest.mark.parametrize(
    ("name", "value", "coloured"),
    [
        ("NO_COLOR", "1", False),
        ("NO_COLOR", "", True),
        ("CLICOLOR", "0", False),
        ("TERM", "dumb", False),
        ("TERM", "xterm", True),
    ],
)
def test_colour_on_a_terminal_can_be_refused(
    name: str, value: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(name, value)
    assert has_colour() is coloured


@pytest.mark.parametrize(
    ("words", "variables", "coloured"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        (("--color=auto",), {"FORCE_COLOR": ""}, False),
    ],
)
def test_colour_on_a_pipe_is_for_who_asks(
    words: tuple[str, ...],
    variables: dict[str, str],
    coloured: bool,
    router: FakeRouter,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    router.add(node("node-1"))
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in run("nodes", "list", *words).out) is coloured
    assert "\x1b" not in run("nodes", "list", "-o", "csv", *words).out


def test_a_colour_that_is_none_is_refused(run: Run) -> None:
    assert "auto, always, never" in run("nodes", "list", "--color", "red").err


def _child(code: str, **variables: str) -> subprocess.Popen[bytes]:
    environ = {**os.environ, **variables}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, close_fds=True
    )


def test_a_reader_that_goes_away_ends_the_command_silently_with_0() -> None:
    code = "from llmlb_cli import output\nwhile True: output.line('x' * 999)"
    with _child(code) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(10)
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(10) == 0


def test_a_terminal_without_unicode_gets_escapes_instead_of_a_crash() -> None:
    with _child("from llmlb_cli import output; output.line('ノ')", PYTHONIOENCODING="ascii") as child:
        out, err = child.communicate(timeout=10)
    assert (out, err, child.returncode) == (b"\\u30ce\n", b"", 0)


def test_a_closed_stdout_is_no_reason_to_fail() -> None:
    code = (
        "import sys; sys.stdout = None; sys.stderr = None\nfrom llmlb_cli.main import main\nsys.exit(main(['version']))"
    )
    with _child(code) as child:
        assert child.communicate(timeout=10) == (b"", b"")
        assert child.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_with_a_cause(capfd: pytest.CaptureFixture[str]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", full)
        from llmlb_cli.main import main

        code = main(["version"])
        patch.undo()
        full_error = capfd.readouterr().err
        # What could not be written is still in the buffer: without this the file's end would fail the same way.
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    assert code == 1
    assert "No space left" in full_error
