from __future__ import annotations

from llmlb.telemetry.process_metrics import ProcessMetrics


def test_memory_and_collections_of_this_process_are_told() -> None:
    text = ProcessMetrics().text(0.0)
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "python_gc_collections_total"):
        assert f"\n{name}" in text


def test_the_system_is_asked_once_a_second_however_many_scrape() -> None:
    process = ProcessMetrics()
    first = process.text(100.0)
    assert process.text(100.9) is first
    assert process.text(101.0) is not first
