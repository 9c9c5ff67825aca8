"""Which models are in the engine's memory, and how long the others take to get there."""

from __future__ import annotations

from collections import OrderedDict


class ModelShelf:
    """Models in memory, each with the instant from which it answers.

    load_s: seconds for a cold model.  capacity: models that fit, 0 for any number; the one that was used longest ago
    makes room.
    """

    def __init__(self, *, load_s: float, capacity: int) -> None:
        self._load_s = load_s
        self._capacity = capacity
        self._ready_at_s: OrderedDict[str, float] = OrderedDict()

    def loaded(self, now_s: float) -> list[str]:
        """Models that answer now."""
        return [model for model, ready_at_s in self._ready_at_s.items() if ready_at_s <= now_s]

    def take(self, model: str, now_s: float) -> float:
        """The instant from which the model answers; starts to load it if it is cold."""
        ready_at_s = self._ready_at_s.setdefault(model, now_s + self._load_s)
        self._ready_at_s.move_to_end(model)
        if self._capacity and len(self._ready_at_s) > self._capacity:
            self._ready_at_s.popitem(last=False)
        return ready_at_s
