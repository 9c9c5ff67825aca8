"""The score rises with every figure of a card and with every card, and separates the common ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmlb.agent.cards import CARDS, Card
from llmlb.agent.score import MAX_SCORE, Gpu, capability_score, card_of, compressed, processor, strength

BANDWIDTH = st.floats(min_value=10, max_value=20_000)
MEMORY = st.floats(min_value=1, max_value=1_000)
COMPUTE = st.floats(min_value=0.1, max_value=500)
GPUS = st.builds(
    Gpu,
    st.sampled_from([card.pattern for card in CARDS] + ["", "Unheard Of 9000"]),
    vram_mb=st.none() | st.integers(min_value=1, max_value=1_000_000),
    memory_clock_mhz=st.none() | st.integers(min_value=1, max_value=30_000),
    bus_width_bits=st.none() | st.integers(min_value=1, max_value=16_384),
)


@given(BANDWIDTH, BANDWIDTH, MEMORY, COMPUTE)
def test_more_bandwidth_makes_a_card_weaker(low: float, high: float, memory: float, compute: float) -> None:
    assume(low < high * 0.999)
    assert strength(Card("", low, memory, compute)) < strength(Card("", high, memory, compute))


@given(BANDWIDTH, MEMORY, MEMORY, COMPUTE)
def test_more_memory_makes_a_card_weaker(bandwidth: float, low: float, high: float, compute: float) -> None:
    assume(low < high * 0.999)
    assert strength(Card("", bandwidth, low, compute)) < strength(Card("", bandwidth, high, compute))


@given(BANDWIDTH, MEMORY, COMPUTE, COMPUTE)
def test_more_compute_makes_a_card_weaker(bandwidth: float, memory: float, low: float, high: float) -> None:
    assume(low < high * 0.999)
    assert strength(Card("", bandwidth, memory, low)) < strength(Card("", bandwidth, memory, high))


@given(st.floats(min_value=0, max_value=1e9), st.floats(min_value=0, max_value=1e9))
def test_compression_turns_the_order_around(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 1 <= compressed(low) <= compressed(high) <= MAX_SCORE


@given(st.lists(GPUS, min_size=1, max_size=8), GPUS)
def test_another_card_lowers_the_score(gpus: list[Gpu], added: Gpu) -> None:
    assert 1 <= capability_score(gpus) <= capability_score([*gpus, added]) <= MAX_SCORE


@given(GPUS, st.integers(min_value=1, max_value=1_000_000))
def test_the_order_of_cards_does_not_matter(gpu: Gpu, vram_mb: int) -> None:
    other = Gpu("NVIDIA H100 80GB HBM3", vram_mb)
    assert capability_score([gpu, other]) == capability_score([other, gpu])


def test_two_cards_of_the_table_tie() -> None:
    scores = [compressed(strength(card)) for card in CARDS]
    assert len(set(scores)) == len(CARDS) >= 60


@pytest.mark.parametrize(
    "ladder",
    [
        [
            "",
            "NVIDIA GeForce GTX 1650",
            "NVIDIA GeForce RTX 3060",
            "NVIDIA GeForce RTX 4090",
            "NVIDIA GeForce RTX 5090",
        ],
        ["Tesla T4", "NVIDIA L4", "NVIDIA A10", "NVIDIA L40S", "NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3"],
        ["NVIDIA H100 PCIe", "NVIDIA H100 80GB HBM3", "NVIDIA H200", "NVIDIA B200"],
        ["Apple M1", "Apple M2 Pro", "Apple M3 Max", "Apple M2 Ultra"],
        ["AMD Radeon RX 7800 XT", "AMD Radeon RX 7900 XTX", "AMD Instinct MI210", "AMD Instinct MI300X"],
    ],
)
def test_a_ladder_of_known_cards_is_climbed_in_order(ladder: list[str]) -> None:
    scores = [capability_score([Gpu(model)] if model else []) for model in ladder]
    assert scores == sorted(set(scores))


def test_eight_large_cards_still_differ_from_eight_larger_ones() -> None:
    eights = [capability_score([Gpu(model)] * 8) for model in ("NVIDIA H100", "NVIDIA H200", "NVIDIA B200")]
    assert eights == sorted(set(eights))
    assert eights[-1] < MAX_SCORE


def test_a_processor_alone_scores_below_the_smallest_card_and_more_cores_help() -> None:
    small, large = capability_score([], cpu_cores=2), capability_score([], cpu_cores=64)
    assert 0 < small < large < min(compressed(strength(card)) for card in CARDS)
    assert processor(10**9) == processor(512)


def test_an_unknown_card_is_estimated_from_its_clock_and_bus() -> None:
    # The figures that NVML gives for an RTX 4090: 10,501 MHz, 384 bits, so 1,008 GB/s.
    card = card_of(Gpu("Unheard Of 9000", vram_mb=24_564, memory_clock_mhz=10_501, bus_width_bits=384))
    assert card.gb_per_s == pytest.approx(1_008, rel=0.001)
    assert card.vram_gb == pytest.approx(24, rel=0.01)


def test_an_unknown_card_without_any_figure_still_has_a_score() -> None:
    assert 1 < capability_score([Gpu("")]) < capability_score([Gpu("", vram_mb=81_920)])


def test_the_drivers_memory_replaces_the_sheets_only_where_it_is_another_card() -> None:
    sheet = card_of(Gpu("NVIDIA GeForce RTX 4090"))
    assert card_of(Gpu("NVIDIA GeForce RTX 4090", vram_mb=24_564)) == sheet
    assert card_of(Gpu("NVIDIA GeForce RTX 4060 Ti", vram_mb=16_380)).vram_gb == pytest.approx(16, rel=0.01)


def test_the_formula_is_the_documented_one() -> None:
    total = 3_350**0.65 * 80**0.25 * 66.9**0.10
    expected = round(10_000 * math.log(1 + total / 20) / math.log(1 + 30_000 / 20))
    assert capability_score([Gpu("NVIDIA H100 80GB HBM3", vram_mb=81_559)]) == expected
