"""Figures are read from a metrics page by their exact name, with or without labels."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from llmlb.agent.engines.exposition import highest, sample_values, token_rate, total_count


def test_a_longer_metric_with_the_same_beginning_is_not_counted() -> None:
    page = 'vllm:num_requests_waiting 2\nvllm:num_requests_waiting_by_reason{reason="capacity"} 9\n'
    assert total_count(page, "vllm:num_requests_waiting") == 2
    assert total_count("m2 5\n", "m") is None


def test_braces_and_spaces_inside_a_label_do_not_hide_the_value() -> None:
    assert list(sample_values('m{model="a} b {c"} 3 1700000000\n', "m")) == [3.0]


def test_values_that_are_no_numbers_are_no_samples() -> None:
    assert list(sample_values("m NaN\nm +Inf\nm\nm x\nm 1e3\n", "m")) == [1000.0]


def test_only_the_first_rank_of_a_split_model_counts() -> None:
    page = 'm{tp_rank="0"} 5\nm{tp_rank="1"} 5\nm{pp_rank="1",tp_rank="0"} 5\n'
    assert total_count(page, "m") == 5


def test_an_absent_metric_is_unknown_and_not_zero() -> None:
    assert total_count("", "m") is None
    assert highest("# TYPE m gauge\n", "m") is None


def test_the_older_name_is_read_where_the_newer_is_missing() -> None:
    assert highest("old 0.5\n", "new", "old") == 0.5
    assert highest("old 0.5\nnew 0.1\n", "new", "old") == 0.1


def test_a_negative_total_is_no_count() -> None:
    assert total_count("m -3\n", "m") is None


@given(st.text())
def test_any_text_is_a_page(text: str) -> None:
    assert all(math.isfinite(value) for value in sample_values(text, "m"))


def test_a_speed_is_what_was_read_over_the_time_it_took() -> None:
    page = "tokens 9000\ncached 5000\nseconds 2\n"
    assert token_rate(page, "tokens", "seconds") == 4500.0
    assert token_rate(page, "tokens", "seconds", less="cached") == 2000.0
    assert token_rate(page, "tokens", "seconds", less="absent") == 4500.0


def test_counters_that_say_too_little_or_contradict_each_other_tell_no_speed() -> None:
    assert token_rate("tokens 9000\nseconds 0.1\n", "tokens", "seconds") is None
    assert token_rate("tokens 99\nseconds 5\n", "tokens", "seconds") is None
    assert token_rate("tokens 9000\n", "tokens", "seconds") is None
    assert token_rate("tokens 5000\ncached 9000\nseconds 5\n", "tokens", "seconds", less="cached") is None
    assert token_rate("tokens 1e18\nseconds 1\n", "tokens", "seconds") == 1_000_000.0
