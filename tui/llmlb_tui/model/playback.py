"""Where a replay stands, how fast it goes, and what an operator types to go elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmlb.client.filters import SECONDS
from llmlb_tui.model.formats import clock_time

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
WIND_S = 10.0
DAY_S = 86_400
EXAMPLES = "11:58:20  11:58  +30s  -5m  90s from the beginning  50%"


@dataclass(slots=True)
class Playback:
    """Seconds since the recording began. is_whole: it ended in order, and was not cut off.

    is_seeking: what lies before the place that was asked for is still being played.
    """

    end_s: float
    is_whole: bool = True
    at_s: float = 0.0
    speed: float = 1.0
    is_paused: bool = False
    is_seeking: bool = False

    @property
    def has_ended(self) -> bool:
        return self.at_s >= self.end_s

    @property
    def percent(self) -> float:
        return 100.0 * self.at_s / self.end_s if self.end_s > 0 else 100.0

    def goal_s(self, elapsed_s: float) -> float:
        """Where it is after so much time."""
        return min(self.end_s, self.at_s + elapsed_s * self.speed)

    def change_speed(self, steps: int) -> None:
        """One step faster, or slower."""
        at = SPEEDS.index(self.speed) + steps
        self.speed = SPEEDS[min(len(SPEEDS) - 1, max(0, at))]


_CLOCK = re.compile(r"(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d?):(\d\d)(?::(\d\d))?Z?", re.ASCII)
_AMOUNT = re.compile(r"([+-]?)(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|%)", re.ASCII)


def read_place(text: str, playback: Playback, *, now_unix_s: float) -> float | str:
    """The place that was typed, in seconds since the recording began, or what is wrong with it.

    now_unix_s: the router's clock at the place where the replay stands; times of a day are by that clock.
    """
    text = text.strip()
    amount = _AMOUNT.fullmatch(text)
    if amount is not None:
        sign, figure, unit = amount[1], float(amount[2]), amount[3]
        seconds = playback.end_s * figure / 100 if unit == "%" else figure * SECONDS[unit]
        if sign:
            seconds = playback.at_s + (seconds if sign == "+" else -seconds)
        return min(playback.end_s, max(0.0, seconds))
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return f"write an instant: {EXAMPLES}"
    return _at_clock(clock, playback, playback.at_s - now_unix_s)


def _at_clock(clock: re.Match[str], playback: Playback, offset_s: float) -> float | str:
    """offset_s: from the router's clock to the place in the recording."""
    date, hour, minute, second = clock[1], int(clock[2]), int(clock[3]), int(clock[4] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return "a day has 24 hours of 60 minutes"
    begin, end = -offset_s, playback.end_s - offset_s
    if date:
        day = _day(date)
        if day is None:
            return f"there is no day {date}"
        days = [day]
    else:
        days = [float(each * DAY_S) for each in range(int(begin // DAY_S), int(end // DAY_S) + 1)]
    # A second that was typed lasts until the next one: the recording may begin within it.
    asked = [day + hour * 3600 + minute * 60 + second for day in days]
    fitting = [unix_s + offset_s for unix_s in asked if begin - 1 < unix_s <= end]
    if not fitting:
        return f"the recording goes from {clock_time(begin)} to {clock_time(end)}"
    return max(0.0, min(fitting, key=lambda at_s: abs(at_s - playback.at_s)))


def _day(date: str) -> float | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
