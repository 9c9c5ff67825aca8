from __future__ import annotations

from loadtest.examples import record, result
from loadtest.golden import same_as_golden

from llmlb.loadtest.compare import Comparison, compare
from llmlb.loadtest.report.comparison import comparison_markdown, comparison_text
from llmlb.loadtest.report.document import document
from llmlb.loadtest.saved import run_of


def comparison() -> Comparison:
    before = result([record(i, ttft_s=0.412 + i / 10_000) for i in range(600)])
    after = result([record(i, ttft_s=0.371 + i / 10_000, gaps_s=(0.013, 0.013)) for i in range(600)])
    return compare(run_of("before", document(before)), run_of("after", document(after)))


def test_comparison_is_the_one_that_was_looked_at() -> None:
    assert same_as_golden("comparison.txt", comparison_text(comparison()))
    assert same_as_golden("comparison.md", comparison_markdown(comparison()))


def test_two_small_runs_say_that_they_are_too_small() -> None:
    few = run_of("few", document(result([record(i) for i in range(5)])))
    assert "too few requests" in comparison_text(compare(few, few))
