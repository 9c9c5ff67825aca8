"""Which nodes a verb is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cli.fake_router import FakeRouter, node

from llmlb_cli.context import router_from
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.options import Options
from llmlb_cli.selection import MAX_IDS, chosen_ids, with_similar_ids


def test_ids_on_the_line_and_in_a_file_are_one_list_without_doubles(router: FakeRouter, home: Path) -> None:
    (home / "ids").write_text("# gone\nnode-2 some words\n\nnode-1\n", encoding="utf-8")
    assert chosen_ids(["node-1", "node-3"], "ids", router_from(Options())) == ["node-1", "node-3", "node-2"]


def test_ids_may_come_from_a_pipe(router: FakeRouter, piped: Callable[[str], None]) -> None:
    piped("node-1\nnode-2\n")
    assert chosen_ids([], "-", router_from(Options())) == ["node-1", "node-2"]


def test_all_that_are_pending_may_be_none(router: FakeRouter) -> None:
    router.add(node("a"), node("b", state="pending"))
    assert chosen_ids([], "", router_from(Options()), all_pending=True) == ["b"]
    router.nodes.clear()
    assert chosen_ids([], "", router_from(Options()), all_pending=True) == []


def test_a_filter_finds_the_nodes_that_the_verb_means_something_for(router: FakeRouter) -> None:
    router.add(node("gpu-10", state="pending"), node("gpu-2", state="pending"), node("gpu-3"), node("cpu-1"))
    described = router_from(Options(filter="gpu"))
    assert chosen_ids([], "", described, verb="approve") == ["gpu-2", "gpu-10"]
    assert chosen_ids([], "", described, verb="drain") == ["gpu-3"]
    assert chosen_ids([], "", described, verb="undrain") == []
    narrowed = router_from(Options(filter="10 or cpu"))
    assert chosen_ids([], "", narrowed, all_pending=True, verb="reject") == ["gpu-10"]


def test_nodes_are_named_or_described_but_not_both(router: FakeRouter) -> None:
    for ids, file in ((["node-1"], ""), ([], "-")):
        with pytest.raises(Failure) as caught:
            chosen_ids(ids, file, router_from(Options(filter="gpu")))
        assert (caught.value.exit_code, router.asked) == (ExitCode.USAGE, [])


def test_naming_nobody_is_refused_with_the_ways_to_name_somebody(router: FakeRouter) -> None:
    with pytest.raises(Failure) as caught:
        chosen_ids([], "", router_from(Options()))
    assert (caught.value.exit_code, router.asked) == (ExitCode.USAGE, [])


def test_a_file_that_cannot_be_read_is_refused(router: FakeRouter, home: Path) -> None:
    (home / "binary").write_bytes(b"\xff\xfe\x00")
    (home / "endless").write_text("\n".join(f"n{each}" for each in range(MAX_IDS + 1)), encoding="utf-8")
    for name in ("absent", "binary", "endless", "."):
        with pytest.raises(Failure) as caught:
            chosen_ids([], name, router_from(Options()))
        assert caught.value.exit_code is ExitCode.USAGE


def test_help_with_a_mistyped_id_never_hides_the_error_itself(
    router: FakeRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMLB_URL", "http://127.0.0.1:1")
    failure = with_similar_ids(Failure("?", exit_code=ExitCode.NOT_FOUND), router_from(Options()), "node-1")
    assert 'no node "node-1"' in failure.message
