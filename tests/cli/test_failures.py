"""From errors to what a person is told."""

from __future__ import annotations

import pytest

from llmlb.errors import ConfigurationError, EngineError, RouterRefused, RouterUnreachable, StoreBusy
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.failures import failure_of


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [(400, 2), (401, 4), (403, 5), (404, 6), (409, 7), (412, 7), (422, 2), (429, 1), (500, 1), (503, 1), (507, 1)],
)
def test_each_status_has_its_exit_code(status: int, exit_code: int) -> None:
    failure = failure_of(RouterRefused("no", status=status, code="c", request_id="r"))
    assert (failure.exit_code, failure.code) == (exit_code, "c")
    assert failure.request_id == ("r" if status >= 500 else "")


@pytest.mark.parametrize("code", ["not_a_router", "not_a_list", "redirect"])
def test_a_stranger_behind_the_url_counts_as_unreachable(code: str) -> None:
    assert failure_of(RouterRefused("?", status=200, code=code)).exit_code is ExitCode.UNREACHABLE


def test_each_problem_of_a_configuration_has_its_line() -> None:
    failure = failure_of(ConfigurationError("config.toml:3: a\nconfig.toml:9: b"))
    assert (failure.exit_code, failure.message, failure.details) == (2, "config.toml:3: a", ("config.toml:9: b",))


def test_errors_of_llmlb_keep_their_words() -> None:
    assert failure_of(RouterUnreachable("away")).exit_code is ExitCode.UNREACHABLE
    assert failure_of(StoreBusy("locked")).message == "locked"
    assert failure_of(EngineError("odd")).exit_code is ExitCode.FAILURE
    failure = Failure("as it is")
    assert failure_of(failure) is failure
