"""The table of cards: memory bandwidth, memory and compute, rounded, as commonly published."""

from __future__ import annotations

import re
from typing import NamedTuple


class Card(NamedTuple):
    """One kind of card.

    pattern: lower-case words that its driver name contains, in this order.  gb_per_s: peak memory bandwidth.
    vram_gb: memory.  tflops: FP32, outside tensor cores, so that makers and generations compare.
    """

    pattern: str
    gb_per_s: float
    vram_gb: float
    tflops: float


CARDS: tuple[Card, ...] = (
    # GeForce GTX and RTX 20
    Card("gtx 1060", 192, 6, 4.4),
    Card("gtx 1070", 256, 8, 6.5),
    Card("gtx 1070 ti", 256, 8, 8.2),
    Card("gtx 1080", 320, 8, 8.9),
    Card("gtx 1080 ti", 484, 11, 11.3),
    Card("gtx 1650", 128, 4, 3.0),
    Card("gtx 1660", 192, 6, 5.0),
    Card("gtx 1660 ti", 288, 6, 5.4),
    Card("gtx 1660 super", 336, 6, 5.0),
    Card("titan xp", 548, 12, 12.1),
    Card("titan v", 653, 12, 14.9),
    Card("rtx 2060", 336, 6, 6.5),
    Card("rtx 2060 super", 448, 8, 7.2),
    Card("rtx 2070", 448, 8, 7.5),
    Card("rtx 2070 super", 448, 8, 9.1),
    Card("rtx 2080", 448, 8, 10.1),
    Card("rtx 2080 super", 496, 8, 11.2),
    Card("rtx 2080 ti", 616, 11, 13.4),
    # GeForce RTX 30
    Card("rtx 3050", 224, 8, 9.1),
    Card("rtx 3060", 360, 12, 12.7),
    Card("rtx 3060 ti", 448, 8, 16.2),
    Card("rtx 3070", 448, 8, 20.3),
    Card("rtx 3070 ti", 608, 8, 21.7),
    Card("rtx 3080", 760, 10, 29.8),
    Card("rtx 3080 ti", 912, 12, 34.1),
    Card("rtx 3090", 936, 24, 35.6),
    Card("rtx 3090 ti", 1008, 24, 40.0),
    # GeForce RTX 40
    Card("rtx 4060", 272, 8, 15.1),
    Card("rtx 4060 ti", 288, 8, 22.1),
    Card("rtx 4070", 504, 12, 29.1),
    Card("rtx 4070 super", 504, 12, 35.5),
    Card("rtx 4070 ti", 504, 12, 40.1),
    Card("rtx 4070 ti super", 672, 16, 44.1),
    Card("rtx 4080", 717, 16, 48.7),
    Card("rtx 4080 super", 736, 16, 52.2),
    Card("rtx 4090", 1008, 24, 82.6),
    Card("rtx 4050 laptop", 192, 6, 9.0),
    Card("rtx 4060 laptop", 256, 8, 11.6),
    Card("rtx 4070 laptop", 256, 8, 15.6),
    Card("rtx 4080 laptop", 432, 12, 24.7),
    Card("rtx 4090 laptop", 576, 16, 33.0),
    # GeForce RTX 50
    Card("rtx 5050", 320, 8, 13.2),
    Card("rtx 5060", 448, 8, 19.2),
    Card("rtx 5060 ti", 448, 16, 23.7),
    Card("rtx 5070", 672, 12, 30.9),
    Card("rtx 5070 ti", 896, 16, 43.9),
    Card("rtx 5080", 960, 16, 56.3),
    Card("rtx 5090", 1792, 32, 104.8),
    Card("rtx 5090 laptop", 896, 24, 31.8),
    # workstations
    Card("quadro rtx 6000", 672, 24, 16.4),
    Card("quadro rtx 8000", 672, 48, 16.3),
    Card("rtx a2000", 288, 12, 8.0),
    Card("rtx a4000", 448, 16, 19.2),
    Card("rtx a4500", 640, 20, 23.7),
    Card("rtx a5000", 768, 24, 27.8),
    Card("rtx a6000", 768, 48, 38.7),
    Card("rtx 2000 ada", 224, 16, 12.0),
    Card("rtx 4000 ada", 360, 20, 26.7),
    Card("rtx 5000 ada", 576, 32, 65.3),
    Card("rtx 6000 ada", 960, 48, 91.1),
    Card("rtx pro 4000", 672, 24, 46.9),
    Card("rtx pro 5000", 1344, 48, 73.7),
    Card("rtx pro 6000", 1792, 96, 125.0),
    # data centre
    Card("tesla p4", 192, 8, 5.5),
    Card("tesla p40", 346, 24, 11.8),
    Card("tesla p100", 732, 16, 9.3),
    Card("t4", 320, 16, 8.1),
    Card("v100", 900, 16, 15.7),
    Card("v100 32gb", 900, 32, 15.7),
    Card("a2", 200, 16, 4.5),
    Card("a10", 600, 24, 31.2),
    Card("a10g", 600, 24, 35.0),
    Card("a30", 933, 24, 10.3),
    Card("a40", 696, 48, 37.4),
    Card("a100", 1555, 40, 19.5),
    Card("a100 80gb", 2039, 80, 19.5),
    Card("a100 80gb pcie", 1935, 80, 19.5),
    Card("l4", 300, 24, 30.3),
    Card("l20", 864, 48, 59.8),
    Card("l40", 864, 48, 90.5),
    Card("l40s", 864, 48, 91.6),
    Card("h20", 4000, 96, 44.0),
    Card("h100", 3350, 80, 66.9),
    Card("h100 pcie", 2039, 80, 51.2),
    Card("h100 nvl", 3938, 94, 60.0),
    Card("h200", 4800, 141, 66.9),
    Card("h200 nvl", 4800, 141, 60.0),
    Card("gh200", 4000, 96, 67.0),
    Card("b200", 8000, 180, 75.0),
    Card("gb200", 8000, 186, 80.0),
    Card("b300", 8000, 288, 77.0),
    Card("gb300", 8000, 288, 80.0),
    Card("gb10", 273, 128, 31.0),
    Card("orin", 205, 64, 5.3),
    # AMD
    Card("rx 6800 xt", 512, 16, 20.7),
    Card("rx 6900 xt", 512, 16, 23.0),
    Card("rx 7800 xt", 624, 16, 37.3),
    Card("rx 7900 xt", 800, 20, 51.5),
    Card("rx 7900 xtx", 960, 24, 61.4),
    Card("rx 9070 xt", 640, 16, 48.7),
    Card("pro w7900", 864, 48, 61.3),
    Card("mi50", 1024, 16, 13.3),
    Card("mi100", 1229, 32, 23.1),
    Card("mi210", 1638, 64, 22.6),
    Card("mi250", 3277, 128, 45.3),
    Card("mi250x", 3277, 128, 47.9),
    Card("mi300a", 5300, 128, 122.6),
    Card("mi300x", 5300, 192, 163.4),
    Card("mi325x", 6000, 256, 163.4),
    Card("mi350x", 8000, 288, 144.2),
    Card("mi355x", 8000, 288, 157.3),
    # Apple: memory is shared with the system, the driver's figure replaces the smallest one here
    Card("apple m1", 68, 8, 2.6),
    Card("apple m1 pro", 200, 16, 5.3),
    Card("apple m1 max", 400, 32, 10.4),
    Card("apple m1 ultra", 800, 64, 21.2),
    Card("apple m2", 100, 8, 3.6),
    Card("apple m2 pro", 200, 16, 6.8),
    Card("apple m2 max", 400, 32, 13.6),
    Card("apple m2 ultra", 800, 64, 27.2),
    Card("apple m3", 100, 8, 4.1),
    Card("apple m3 pro", 150, 18, 7.4),
    Card("apple m3 max", 400, 36, 16.4),
    Card("apple m3 ultra", 819, 96, 28.2),
    Card("apple m4", 120, 16, 4.6),
    Card("apple m4 pro", 273, 24, 9.2),
    Card("apple m4 max", 546, 36, 18.4),
    Card("apple m5", 153, 16, 4.6),
)


_SAME_SILICON = {"a800": "a100", "h800": "h100"}
"""Cards that differ only in their link to others."""

_SLOWER_BUILD = frozenset({"laptop", "mobile"})
"""A portable card bears the name of a desktop card that it does not match."""


def known_card(model: str) -> Card | None:
    """The card whose pattern fits the driver's name best: the one with the most characters."""
    words = tuple(_SAME_SILICON.get(word, word) for word in _words(model))
    portable = _SLOWER_BUILD.intersection(words)
    fitting = [
        (pattern, card) for pattern, card in _PATTERNS if _contains(words, pattern) and portable.issubset(pattern)
    ]
    return max(fitting, key=lambda fit: sum(map(len, fit[0])), default=(None, None))[1]


def _words(text: str) -> tuple[str, ...]:
    """``NVIDIA A100-SXM4-80GB`` is four words; so is a name with spaces, brackets or underscores."""
    return tuple(re.findall(r"[a-z0-9]+", text.lower()))


def _contains(words: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether the pattern's words occur in this order; other words may stand between them."""
    rest = iter(words)
    return all(word in rest for word in pattern)


_PATTERNS = tuple((_words(card.pattern), card) for card in CARDS)
