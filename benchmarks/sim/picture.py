"""The share of good answers over the load, as a small SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

Line = Sequence[tuple[float, float]]
"""Points: load, share of good answers 0..1."""

WIDTH, HEIGHT = 420, 250
LEFT, TOP, GAP, LEGEND = 46, 34, 30, 190
COLOURS = ("#9e9e9e", "#b8860b", "#1f77b4", "#9467bd", "#2ca02c", "#17becf", "#d62728")
"""One for each line, in order; readable on white and on black."""


def drawn(panels: Mapping[str, Mapping[str, Line]], *, loads: tuple[float, float], objective: str) -> str:
    """Panels by title side by side; in each a line by title. Every panel has the same lines in the same order."""
    width = LEFT + len(panels) * (WIDTH + GAP) + LEGEND
    height = TOP + HEIGHT + 48
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="#ffffff"/>'
    ]
    for number, (title, lines) in enumerate(panels.items()):
        parts += _panel(title, lines, LEFT + number * (WIDTH + GAP), loads)
    titles = next(iter(panels.values()))
    x = LEFT + len(panels) * (WIDTH + GAP)
    for number, title in enumerate(titles):
        y = TOP + 14 + 20 * number
        parts.append(f'<path d="M{x} {y - 4}h22" stroke="{COLOURS[number]}" stroke-width="{_stroke(number, titles)}"/>')
        parts.append(f'<text x="{x + 28}" y="{y}">{escape(title)}</text>')
    parts.append(f'<text x="{LEFT}" y="{height - 8}" fill="#555555">{escape(objective)}</text></svg>')
    return "\n".join(parts) + "\n"


def _panel(title: str, lines: Mapping[str, Line], left: float, loads: tuple[float, float]) -> list[str]:
    low, high = loads

    def place(load: float, good: float) -> str:
        return f"{left + WIDTH * (load - low) / (high - low):.1f},{TOP + HEIGHT * (1 - good):.1f}"

    parts = [f'<text x="{left}" y="{TOP - 12}" font-size="14" font-weight="bold">{escape(title)}</text>']
    for percent in (0, 25, 50, 75, 100):
        y = TOP + HEIGHT * (1 - percent / 100)
        parts.append(f'<path d="M{left} {y}h{WIDTH}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end" fill="#555555">{percent}%</text>')
    for tenth in range(round(low * 10), round(high * 10) + 1, 2):
        x = left + WIDTH * (tenth / 10 - low) / (high - low)
        parts.append(
            f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle" fill="#555555">{tenth / 10}</text>'
        )
    for number, line in enumerate(lines.values()):
        points = " ".join(place(load, good) for load, good in line)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[number]}" '
            f'stroke-width="{_stroke(number, lines)}" stroke-linejoin="round"/>'
        )
    return parts


def _stroke(number: int, lines: Mapping[str, object]) -> float:
    """The last line is the one that the picture is about."""
    return 3 if number == len(lines) - 1 else 1.6
