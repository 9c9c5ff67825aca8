"""Add tags to nodes and take tags away: the exact nodes that were chosen, what each will have, once."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from textual.widget import Widget
from textual.widgets import Input

from llmlb.client.tags import retagged
from llmlb_tui.dialogs.confirm import ConfirmDialog
from llmlb_tui.model.acts import ACTS, Pinned
from llmlb_tui.model.nodes import NodeRow
from llmlb_tui.model.selection import Selection

SetTags = Callable[[Pinned, Sequence[str]], Awaitable[None]]


class TagEdit(NamedTuple):
    """What the line says: tags to add, tags to take away."""

    tags: tuple[str, ...] = ()
    untags: tuple[str, ...] = ()


def read_tags(text: str) -> TagEdit:
    """``rack=3 -spare``: each word a tag to add, or behind a minus one to take away."""
    words = text.split()
    return TagEdit(
        tuple(word for word in words if not word.startswith("-")),
        tuple(word[1:] for word in words if word.startswith("-") and len(word) > 1),
    )


class TagDialog(ConfirmDialog):
    """Shows what each node will have while the line is typed. before: the tags when the dialog opened, by node."""

    AUTO_FOCUS = "Input"

    def __init__(
        self,
        targets: Sequence[Pinned],
        before: Mapping[str, Sequence[str]],
        set_tags: SetTags,
        selection: Selection,
    ) -> None:
        super().__init__(ACTS["tag"], targets, 0, self._retag, selection)
        self._before = before
        self._set_tags = set_tags
        self._edit = TagEdit()

    @property
    def typed(self) -> str:
        """Tags take no work from a node, so nothing is asked to be typed."""
        return ""

    def inputs(self) -> Iterator[Widget]:
        yield from self.field("K=V adds, -K takes", id="tags")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_asking:
            self._edit = read_tags(event.value)
            self.sync()

    def begin(self) -> None:
        if self._edit == TagEdit():
            self.refuse("no tag is given: K=V adds one, -K takes one away")
        else:
            super().begin()

    def facts(self, target: NodeRow) -> str:
        before = self._before.get(target.id, target.tags)
        after = retagged(before, *self._edit)
        shown = " ".join(before) or "no tags"
        return shown if list(before) == after else f"{shown} > {' '.join(after) or 'no tags'}"

    def options(self) -> Sequence[str]:
        options = [f"--tag {shlex.quote(each)}" for each in self._edit.tags]
        return options + [f"--untag {shlex.quote(each)}" for each in self._edit.untags]

    async def _retag(self, pinned: Pinned) -> None:
        before = self._before[pinned.id]
        after = retagged(before, *self._edit)
        if after != list(before):
            await self._set_tags(pinned, after)
