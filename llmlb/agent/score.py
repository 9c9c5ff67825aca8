"""The capability score: how much work a machine can take, as one number 0..10000, from its cards alone. Pure.

    strength(card) = bandwidth^0.65 * memory^0.25 * compute^0.10               GB/s, GB, TFLOPS
    score          = round(10000 * ln(1 + sum / 20) / ln(1 + 30000 / 20)),  at most 10000

Writing tokens is bound by memory bandwidth, so bandwidth leads; memory decides how many requests fit side by side;
compute, which decides how fast a prompt is read, separates cards that are equal in both. The logarithm keeps a
desktop card and a rack of eight on one scale. The score orders nodes; it is not a speed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llmlb.agent.cards import Card, known_card

MAX_SCORE = 10_000

_FULL_STRENGTH = 30_000.0
"""Reaches MAX_SCORE: some fourteen of today's largest cards behind one engine."""

_KNEE = 20.0
"""Below it the scale is about linear: the strength of a processor with ordinary memory."""

_SAME_MEMORY = 0.15
"""A driver reports up to this much less than the sheet says: reserved pages, ECC, GiB instead of GB."""

_ASSUMED_GB = 8.0
_ASSUMED_GB_S_PER_GB = 20.0
"""Of cards in use, the older data-centre ones: an unknown card is not made to look fast."""

_ASSUMED_GB_S_PER_TFLOPS = 30.0
_GB_S_OF_A_PROCESSOR = 40.0
_GB_OF_A_PROCESSOR = 4.0
_TFLOPS_OF_A_CORE = 0.05


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as its driver describes it. None: the driver does not tell.

    vram_mb: MiB.  memory_clock_mhz and bus_width_bits: as NVML has them, the clock before doubling.
    """

    model: str
    vram_mb: int | None = None
    memory_clock_mhz: int | None = None
    bus_width_bits: int | None = None


def capability_score(gpus: Sequence[Gpu], *, cpu_cores: int = 1) -> int:
    """The score of a machine with these GPUs, or with only ``cpu_cores`` cores if it has none; 1..10000."""
    cards = [card_of(gpu) for gpu in gpus] or [processor(cpu_cores)]
    return compressed(sum(strength(card) for card in cards))


def strength(card: Card) -> float:
    """One card's share; strictly increasing in bandwidth, memory and compute, each taken as at least tiny."""
    bandwidth, memory, compute = (max(value, 0.01) for value in (card.gb_per_s, card.vram_gb, card.tflops))
    return float(bandwidth**0.65 * memory**0.25 * compute**0.10)


def compressed(total: float) -> int:
    """A sum of strengths as a score, never decreasing, 1..10000."""
    share = math.log1p(max(total, 0.0) / _KNEE) / math.log1p(_FULL_STRENGTH / _KNEE)
    return max(1, min(MAX_SCORE, round(MAX_SCORE * share)))


def card_of(gpu: Gpu) -> Card:
    """The card's figures: the table's, with the driver's memory where it differs, else estimated."""
    known = known_card(gpu.model)
    if known is None:
        return _estimated(gpu)
    memory_gb = _gb(gpu.vram_mb)
    if memory_gb is None or abs(memory_gb - known.vram_gb) <= _SAME_MEMORY * known.vram_gb:
        return known
    return Card(known.pattern, known.gb_per_s, memory_gb, known.tflops)


def processor(cores: int) -> Card:
    """A machine without a GPU: two channels of memory, whatever the processor; cores break ties."""
    return Card("", _GB_S_OF_A_PROCESSOR, _GB_OF_A_PROCESSOR, _TFLOPS_OF_A_CORE * min(max(cores, 1), 512))


def _estimated(gpu: Gpu) -> Card:
    memory_gb = _gb(gpu.vram_mb) or _ASSUMED_GB
    bandwidth = memory_gb * _ASSUMED_GB_S_PER_GB
    if gpu.memory_clock_mhz and gpu.bus_width_bits:
        # Two transfers a clock, as NVML counts clocks for GDDR and HBM alike.
        bandwidth = gpu.memory_clock_mhz * 2 * gpu.bus_width_bits / 8 / 1_000
    return Card("", bandwidth, memory_gb, bandwidth / _ASSUMED_GB_S_PER_TFLOPS)


def _gb(mebibytes: int | None) -> float | None:
    return mebibytes / 1_024 if mebibytes and mebibytes > 0 else None
