"""A straight line through samples that fade: how seconds depend on tokens, or on the size of a batch."""

from __future__ import annotations

FADE = 0.95
"""What a sample still weighs after the next one: the last twenty make up two thirds."""
SEED_WEIGHT = 0.25
FREE_SAMPLES = 4
LONGEST_S = 86_400.0
CLIP = 3.0
"""After its first samples a line takes no sample for more than this many times what it expected, or for less than one
such part: a stalled engine tells little about its speed, and if it really changed a few samples will do."""


class FadingLine:
    """``y = base + slope * x`` by least squares; base and slope never fall below zero. Seconds. O(1) a sample.

    It starts from an assumed line, which weighs as much as a quarter of a sample at x = 0 and another at ``reach``.
    """

    __slots__ = ("_w", "_x", "_xx", "_xy", "_y", "base", "samples", "slope")

    def __init__(self, base: float, slope: float, reach: float) -> None:
        self.base = base
        self.slope = slope
        self.samples = 0
        far = base + slope * reach
        self._w = 2 * SEED_WEIGHT
        self._x = SEED_WEIGHT * reach
        self._y = SEED_WEIGHT * (base + far)
        self._xx = SEED_WEIGHT * reach * reach
        self._xy = SEED_WEIGHT * reach * far

    def at(self, x: float) -> float:
        return self.base + self.slope * x

    def learn(self, x: float, y: float) -> None:
        """Take a sample; one that no clock can have measured is left out. x: 0 to ten million.  y: seconds."""
        if not 0.0 <= y <= LONGEST_S:
            return
        if self.samples >= FREE_SAMPLES:
            expected = self.at(x)
            y = min(max(y, expected / CLIP), expected * CLIP)
        self.samples += 1
        self._w = self._w * FADE + 1.0
        self._x = self._x * FADE + x
        self._y = self._y * FADE + y
        self._xx = self._xx * FADE + x * x
        self._xy = self._xy * FADE + x * y
        self._solve()

    def halfway(self, other: FadingLine, reach: float) -> FadingLine:
        """A new line between the two, which has no samples yet."""
        return FadingLine((self.base + other.base) / 2, (self.slope + other.slope) / 2, reach)

    def _solve(self) -> None:
        spread = self._w * self._xx - self._x * self._x
        slope = self.slope
        if spread > 1e-9 * self._w * self._xx:
            slope = (self._w * self._xy - self._x * self._y) / spread
        if slope < 0.0:
            slope = 0.0
        base = (self._y - slope * self._x) / self._w
        if base < 0.0:
            base = 0.0
            slope = self._xy / self._xx if self._xx else 0.0
        self.base, self.slope = base, slope
