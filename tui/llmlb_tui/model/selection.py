"""Where the cursor is and what is marked: by name, never by place, because rows move under the fingers."""

from __future__ import annotations

from collections.abc import Container, Sequence


class Selection:
    """The cursor and the marks over a list of names that changes all the time.

    follows: the cursor stays on its row wherever that goes; else it stays at its place and takes what comes there.
    """

    def __init__(self) -> None:
        self.ids: Sequence[str] = ()
        self.cursor = ""
        self.marks: dict[str, None] = {}
        self.follows = True
        self.anchor: str | None = None
        """Where a range of marks began; None outside of one."""
        self._places: dict[str, int] = {}
        self._place = 0

    def show(self, ids: Sequence[str]) -> None:
        """Take a new order. A cursor whose row is gone goes to the row at its place."""
        self.ids = ids
        self._places = {id: place for place, id in enumerate(ids)}
        if not ids:
            self.cursor = ""
            return
        if self.follows and self.cursor in self._places:
            self._place = self._places[self.cursor]
        self._place = min(self._place, len(ids) - 1)
        self.cursor = ids[self._place]

    @property
    def place(self) -> int:
        """The cursor's row."""
        return self._place

    def place_of(self, id: str) -> int | None:
        return self._places.get(id)

    def go(self, place: int) -> None:
        """Put the cursor on a row; the nearest one where there is none."""
        if not self.ids:
            return
        self._place = min(max(0, place), len(self.ids) - 1)
        self.cursor = self.ids[self._place]
        self._extend()

    def go_to(self, id: str) -> bool:
        """Put the cursor on a name; False where it is not shown."""
        place = self._places.get(id)
        if place is None:
            return False
        self.go(place)
        return True

    def move(self, rows: int) -> None:
        self.go(self._place + rows)

    def toggle_mark(self) -> None:
        """Mark the row or take its mark away, and go on to the next."""
        if not self.cursor:
            return
        if self.marks.pop(self.cursor, 0) == 0:
            self.marks[self.cursor] = None
        self.move(1)

    def begin_or_end_range(self) -> bool:
        """Begin a range of marks at the cursor, or end it; answers whether one has begun."""
        self.anchor = None if self.anchor is not None else (self.cursor or None)
        self._extend()
        return self.anchor is not None

    def _extend(self) -> None:
        start = None if self.anchor is None else self._places.get(self.anchor)
        if start is None:
            return
        first, last = sorted((start, self._place))
        self.marks.update(dict.fromkeys(self.ids[first : last + 1]))

    def mark_all(self) -> None:
        self.marks.update(dict.fromkeys(self.ids))

    def clear(self) -> None:
        self.marks.clear()
        self.anchor = None

    def keep_marks(self, ids: Sequence[str]) -> None:
        """After an act: only these stay marked."""
        self.marks = dict.fromkeys(ids)
        self.anchor = None

    def forget(self, known: Container[str]) -> None:
        """Names that are gone lose their marks. known: anything that answers ``in``."""
        gone = [id for id in self.marks if id not in known]
        for id in gone:
            del self.marks[id]

    def targets(self) -> tuple[str, ...]:
        """What an act is about: the marked ones, else the one under the cursor."""
        if self.marks:
            shown = [id for id in self.ids if id in self.marks]
            hidden = [id for id in self.marks if id not in self._places]
            return (*shown, *hidden)
        return (self.cursor,) if self.cursor else ()
