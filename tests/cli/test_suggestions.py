"""Names close to a mistyped one."""

from __future__ import annotations

from llmlb_cli.suggestions import close_names, did_you_mean


def test_the_closest_names_come_first_and_few() -> None:
    known = [f"gpu-e-{number:04}" for number in range(1000)]
    close = close_names("gpu-e-741", known)
    assert "gpu-e-0741" in close
    assert len(close) == 3


def test_a_name_that_was_begun_is_close() -> None:
    assert close_names("thr", ["nodes", "thresholds"]) == ["thresholds"]


def test_nothing_close_means_no_question() -> None:
    assert did_you_mean("zzz", ["nodes"]) == ""
    assert did_you_mean("nods", ["nodes"]) == "did you mean nodes ?"
