"""--watch: the same list again and again."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli.command_line import Ran, Run
from cli.fake_router import FakeRouter, node, refusal

from llmlb_cli import watching

Act = Callable[[], None]


@pytest.fixture
def watched(router: FakeRouter, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Watches a list; between two looks something happens, and after the last of them Ctrl-C is pressed."""

    def watch_while(*happenings: Act, words: tuple[str, ...] = ()) -> Ran:
        left = iter(happenings)

        def pause(seconds: float) -> None:
            happening = next(left, None)
            if happening is None:
                raise KeyboardInterrupt
            happening()

        monkeypatch.setattr(watching, "pause", pause)
        return run("nodes", "list", "--watch", *words)

    router.add(node("a", gpu_usage=10.0), node("b", gpu_usage=20.0))
    return watch_while


def test_on_a_pipe_only_what_changed_is_written_again(watched: Callable[..., Ran], router: FakeRouter) -> None:
    ran = watched(
        lambda: None,
        lambda: router.add(node("b", gpu_usage=21.0)),
        lambda: router.add(node("c", gpu_usage=1.0)),
        words=("-o", "csv", "--fields", "id,gpu_usage"),
    )
    assert (ran.code, ran.err) == (130, "")
    assert ran.out.split() == ["id,gpu_usage", "a,10.0", "b,20.0", "b,21.0", "c,1.0"]


def test_a_field_that_is_not_shown_is_no_change(watched: Callable[..., Ran], router: FakeRouter) -> None:
    ran = watched(lambda: router.add(node("b", gpu_usage=99.0)), words=("--fields", "id", "--no-headers"))
    assert ran.out.split() == ["a", "b"]


def test_time_that_passes_is_no_change(watched: Callable[..., Ran], router: FakeRouter) -> None:
    ran = watched(lambda: router.add(node("b", gpu_usage=20.0, uptime_seconds=9999.0)), words=("--no-headers",))
    assert len(ran.out.splitlines()) == 2
    # Who asks for it alone gets it.
    ran = watched(lambda: router.add(node("b", uptime_seconds=7.0)), words=("--no-headers", "--fields", "up"))
    assert ran.out.split() == ["1h02m", "2h46m", "7s"]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_programs_get_one_change_a_line(form: str, watched: Callable[..., Ran], router: FakeRouter) -> None:
    ran = watched(
        lambda: router.add(node("b", gpu_usage=21.0)),
        lambda: router.nodes.__delitem__("a"),
        words=("-o", form, "--fields", "id,gpu"),
    )
    changes = [json.loads(each) for each in ran.out.splitlines()]
    assert [(each["type"], each["object"]["id"]) for each in changes] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("MODIFIED", "b"),
        ("DELETED", "a"),
    ]
    assert changes[2]["object"] == {"id": "b", "gpu_usage": 21.0}


def test_names_are_written_once(watched: Callable[..., Ran], router: FakeRouter) -> None:
    ran = watched(lambda: router.add(node("a", gpu_usage=99.0), node("c")), words=("-o", "name"))
    assert ran.out.split() == ["a", "b", "c"]


def test_the_filter_and_the_order_hold_at_every_look(watched: Callable[..., Ran], router: FakeRouter) -> None:
    ran = watched(
        lambda: router.add(node("c", gpu_usage=5.0), node("d", gpu_usage=50.0)),
        words=("-o", "name", "--filter", "gpu>=10", "--sort-by", "-gpu"),
    )
    assert ran.out.split() == ["b", "a", "d"]


def test_a_router_that_goes_away_is_waited_for_and_said_once(watched: Callable[..., Ran], router: FakeRouter) -> None:
    def away() -> None:
        router.answers["GET", "/v0/nodes"] = refusal(503, "busy", "Not now.")

    def back() -> None:
        router.add(node("c"))
        del router.answers["GET", "/v0/nodes"]

    ran = watched(away, lambda: None, back, words=("-o", "name"))
    assert ran.out.split() == ["a", "b", "c"]
    assert ran.err == "Not now.; trying again until it is back, Ctrl-C ends\n"


def test_a_session_that_ends_ends_the_watching(watched: Callable[..., Ran], router: FakeRouter) -> None:
    def expire() -> None:
        router.answers["GET", "/v0/nodes"] = refusal(401, "token_expired")

    assert watched(expire).code == 4


def test_a_router_that_never_answered_is_an_error(run: Run) -> None:
    assert run("nodes", "list", "--watch", "--url", "http://127.0.0.1:1").code == 3


def test_at_a_terminal_the_list_is_drawn_over_itself(
    watched: Callable[..., Ran], router: FakeRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "is_terminal", lambda: True)
    monkeypatch.setattr(watching, "terminal_lines", lambda: 4)
    first, second = ("\x1b[K\n".join(lines) + "\x1b[K\n\x1b[J" for lines in (["a", "b"], ["a", "b", "and 2 more"]))
    ran = watched(lambda: router.add(node("c"), node("d")), words=("--fields", "id", "--no-headers"))
    assert ran.out == first + "\x1b[2F" + second


@pytest.mark.parametrize("words", [("-o", "yaml"), ("--interval", "0"), ("--interval", "nan")])
def test_what_cannot_be_watched_is_refused(words: tuple[str, ...], watched: Callable[..., Ran]) -> None:
    assert watched(words=words).code == 2
