"""Screens that draw only what changed."""

from __future__ import annotations

from abc import abstractmethod

from textual import events
from textual.screen import Screen


class SyncedScreen(Screen[None]):
    """A screen that is asked, a few times a second and after each key, to bring itself up to date."""

    @abstractmethod
    def sync(self) -> int:
        """Redraw what changed; answers how many lines that were."""

    def take(self, event: events.Key) -> bool:
        """Take a key that was on its way when this screen, or a part of it, came to have the keyboard.

        A fast typist, a paste and a program bring several keys at once, and the first of them opens something.
        """
        return False
