"""Screens that draw only what changed."""

from __future__ import annotations

from abc import abstractmethod

from textual.screen import Screen


class SyncedScreen(Screen[None]):
    """A screen that is asked, a few times a second and after each key, to bring itself up to date."""

    @abstractmethod
    def sync(self) -> int:
        """Redraw what changed; answers how many lines that were."""
