from __future__ import annotations

import pytest

from llmlb.api.answers import ApiRefusal
from llmlb.api.beats import beat_of, check_interval, figures_of, first_words
from llmlb.core.node import Beat, Figures
from llmlb.wire.heartbeat import GpuMetrics, Heartbeat, SystemMetrics
from llmlb.wire.registration import Registration


def test_every_word_of_a_heartbeat_reaches_the_core() -> None:
    message = Heartbeat(
        node_id="node-1",
        gpu_metrics=GpuMetrics(usage=45.5, vram_usage=78.2, temperature=65.0, vram_used_mb=1, vram_total_mb=2),
        system_metrics=SystemMetrics(cpu_usage=30.0, memory_usage=50.0),
        active_requests=2,
        loaded_models=("a",),
        available_models=("a", "b"),
        capability_score=8120,
        queue_depth=1,
        kv_cache_usage=12.5,
        prefill_tokens_per_second=4100.5,
        decode_tokens_per_second=71.0,
        max_concurrency=16,
        heartbeat_secs=30.0,
        seq=17,
        boot_id="x",
        leaving=True,
    )
    assert beat_of(message) == Beat(
        figures=Figures(45.5, 78.2, 65.0, 1, 2),
        cpu_percent=30.0,
        memory_percent=50.0,
        active_requests=2,
        loaded_models=("a",),
        available_models=("a", "b"),
        capability_score=8120,
        queue_depth=1,
        kv_cache_percent=12.5,
        prefill_rate=4100.5,
        decode_rate=71.0,
        max_concurrency=16,
        interval_s=30.0,
        seq=17,
        boot_id="x",
        leaving=True,
    )


def test_a_bare_heartbeat_says_nothing_but_that_the_node_lives() -> None:
    assert beat_of(Heartbeat(node_id="node-1")) == Beat()


def test_no_list_of_models_is_not_an_empty_list_of_models() -> None:
    assert beat_of(Heartbeat(node_id="n", loaded_models=())).loaded_models == ()
    assert beat_of(Heartbeat(node_id="n")).loaded_models is None


def test_vram_use_is_worked_out_from_megabytes_where_only_those_are_known() -> None:
    figures = figures_of(GpuMetrics(usage=10, vram_used_mb=20_000, vram_total_mb=80_000))
    assert figures is not None
    assert figures.vram_percent == 25.0
    overfull = figures_of(GpuMetrics(usage=10, vram_used_mb=3, vram_total_mb=2))
    assert overfull is not None
    assert overfull.vram_percent == 100.0
    unknown = figures_of(GpuMetrics(usage=10, vram_used_mb=3, vram_total_mb=0))
    assert unknown is not None
    assert unknown.vram_percent is None, "what is not known is not a measured 0"


def test_what_was_measured_counts_without_the_rest() -> None:
    """A card cut into instances, and some drivers, tell everything but the GPU's use."""
    assert figures_of(GpuMetrics(vram_usage=97, temperature=88)) == Figures(None, 97.0, 88.0)
    assert figures_of(None) is None
    assert figures_of(GpuMetrics()) is None


def test_a_registration_tells_abilities_and_measures_nothing() -> None:
    message = Registration(url="http://x", loaded_models=("a",), capability_score=5, heartbeat_secs=20)
    assert first_words(message) == Beat(loaded_models=("a",), capability_score=5, interval_s=20)


def test_a_hasty_interval_needs_dev() -> None:
    check_interval(1.0, dev=True)
    check_interval(10.0, dev=False)
    check_interval(None, dev=False)
    with pytest.raises(ApiRefusal) as caught:
        check_interval(9.9, dev=False)
    assert (caught.value.status, caught.value.param) == (422, "heartbeat_secs")
