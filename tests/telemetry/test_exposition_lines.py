from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from llmlb.telemetry.exposition_lines import HistogramLines, family, label_set, line
from llmlb.telemetry.histogram import Histogram
from llmlb.telemetry.metrics import Metric, MetricKind

GAUGE = Metric("llmlb_test", MetricKind.GAUGE, "For tests.")
HISTOGRAM = Metric("llmlb_test_seconds", MetricKind.HISTOGRAM, "For tests.")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from('"\\\n%{}')))
def test_any_label_value_survives_the_text_format(value: str) -> None:
    text = family(GAUGE, [line(GAUGE, label_set({"model": value}))], [1.5])
    [parsed] = text_string_to_metric_families(text)
    [sample] = parsed.samples
    assert sample.labels == {"model": value}
    assert sample.value == 1.5


def test_a_percent_sign_in_a_label_is_not_taken_for_a_value() -> None:
    lines = [line(GAUGE, label_set({"model": "100%s"})), line(GAUGE, label_set({"model": "%d"}))]
    assert family(GAUGE, lines, [1, 2]).splitlines()[2:] == ['llmlb_test{model="100%s"} 1', 'llmlb_test{model="%d"} 2']


def test_a_histogram_is_cumulative_and_ends_in_infinity() -> None:
    histogram = Histogram((0.1, 1.0))
    for value_s in (0.05, 0.5, 0.6, 7.0):
        histogram.observe(value_s)
    assert HistogramLines(HISTOGRAM, 'model="a"', (0.1, 1.0)).text(histogram).splitlines() == [
        'llmlb_test_seconds_bucket{model="a",le="0.1"} 1',
        'llmlb_test_seconds_bucket{model="a",le="1.0"} 3',
        'llmlb_test_seconds_bucket{model="a",le="+Inf"} 4',
        'llmlb_test_seconds_sum{model="a"} 8.15',
        'llmlb_test_seconds_count{model="a"} 4',
    ]


def test_a_histogram_that_moved_is_not_shown_as_it_was() -> None:
    histogram, lines = Histogram((0.1,)), HistogramLines(HISTOGRAM, "", (0.1,))
    before = lines.text(histogram)
    assert lines.text(histogram) is before
    histogram.observe(0.0)
    assert lines.text(histogram) == before.replace(" 0\n", " 1\n")
