"""Do something to nodes: the exact ones that were chosen, once, with a result for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from llmlb.errors import LlmlbError, RouterRefused
from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.actions import BY_ID, cli_line
from llmlb_tui.model.acts import Act, Pinned, confirmation_text, explain_refusal
from llmlb_tui.model.formats import count, percent
from llmlb_tui.model.nodes import NodeRow
from llmlb_tui.model.text import cut, fitted, middle_cut
from llmlb_tui.render.columns import MOOD_ROLES
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, wrapped
from llmlb_tui.widgets.lines import Lines

Perform = Callable[[Pinned], Awaitable[None]]

AT_ONCE = 8
SHOWN_TARGETS = 10


class Phase(StrEnum):
    ASKING = "asking"
    WORKING = "working"
    FAILED = "failed"


class ConfirmDialog(Dialog):
    """Asks, acts once, and stays open only when something failed."""

    BINDINGS: ClassVar = [Binding("y", "yes", show=False), Binding("n", "cancel", show=False)]

    def __init__(self, act: Act, targets: Sequence[Pinned], skipped: int, perform: Perform) -> None:
        super().__init__()
        self._act = act
        self._targets = tuple(targets)
        self._skipped = skipped
        self._perform = perform
        self._phase = Phase.ASKING
        self._results: dict[str, str] = {}
        self._said = ""

    @property
    def typed(self) -> str:
        """What must be typed, "" for nothing."""
        identity = self.console_app.desk.identity
        return confirmation_text(
            self._act, self._targets, context=identity.context, must_type_name=identity.must_type_name
        )

    def heading(self) -> str:
        amount = self._targets[0].id if len(self._targets) == 1 else f"{len(self._targets)} nodes"
        return f" {self._act.title} {amount} in {self.console_app.desk.identity.place} "

    def choices(self) -> Sequence[tuple[str, str]]:
        close = "Close" if self._phase is Phase.FAILED else "Cancel"
        text = {
            Phase.ASKING: f"{self._act.title} {len(self._targets)}",
            Phase.WORKING: f"{len(self._results)} of {len(self._targets)} done",
            Phase.FAILED: f"{sum(map(bool, self._results.values()))} failed",
        }[self._phase]
        return (("cancel", close), ("yes", text))

    def inputs(self) -> Iterator[Widget]:
        if self.typed:
            with Horizontal(classes="field"):
                yield Lines(lambda cells, height: [line(Span(f"Type {self.typed}", Role.STRONG))],
                            self.console_app.painter_now, classes="label")  # fmt: skip
                yield Input(select_on_focus=False)

    def lines(self, cells: int) -> list[Line]:
        desk = self.console_app.desk
        nodes = desk.state.nodes
        lines = [line("These exact nodes were pinned when this dialog opened:")]
        lines += [self._target_line(pinned, cells) for pinned in self._shown_targets()]
        if len(self._targets) > SHOWN_TARGETS:
            lines.append(line(dim(f"  and {len(self._targets) - SHOWN_TARGETS} more")))
        if self._skipped:
            lines.append(line(dim(f"  {self._skipped} marked nodes are left alone: {self._act.misfit}")))
        present = [nodes[pinned.id] for pinned in self._targets if pinned.id in nodes]
        lines += [line(part) for part in wrapped(self._act.effect(present), cells)]
        same = self.same(self._cli_ids(), desk.identity.context)
        lines += [line(dim(part)) for part in wrapped(f"Same as: {same}", cells, limit=3)]
        if self._said:
            lines += [EMPTY, *(line(Span(part, Role.TROUBLE)) for part in wrapped(self._said, cells))]
        return lines

    def same(self, ids: Sequence[str], context: str) -> str:
        """The command that does the same."""
        return cli_line(BY_ID[self._act.verb], ids, context=context)

    def facts(self, node: NodeRow) -> str:
        """What tells one node from another: address, cards, load."""
        host = node.url.partition("://")[2].partition("/")[0]
        cards = f"{len(node.gpus)}x {node.gpus[0]}" if node.gpus else ""
        load = f"gpu {percent(node.gpu)} active {count(node.active)}"
        return "  ".join(filter(None, [host, cards, load]))

    def _cli_ids(self) -> list[str]:
        ids = [pinned.id for pinned in self._targets]
        return ids if len(ids) <= 6 else [*ids[:6], "..."]

    def _shown_targets(self) -> Sequence[Pinned]:
        """While asking the first ones; afterwards those that failed come first."""
        if self._phase is Phase.ASKING:
            return self._targets[:SHOWN_TARGETS]
        ranked = sorted(self._targets, key=lambda pinned: not self._results.get(pinned.id))
        return ranked[:SHOWN_TARGETS]

    def _target_line(self, pinned: Pinned, cells: int) -> Line:
        desk = self.console_app.desk
        glyphs = desk.glyphs
        node = desk.state.nodes.get(pinned.id)
        name = fitted(middle_cut(pinned.id, 22, ellipsis=glyphs.ellipsis), 22)
        if pinned.id in self._results:
            failure = self._results[pinned.id]
            role = Role.TROUBLE if failure else Role.GOOD
            mark = glyphs.lost if failure else glyphs.good
            return line(Span(f"  {mark} ", role), Span(name), Span(f" {failure or self._act.past}", role))
        if node is None:
            return line(Span(f"  {glyphs.lost} ", Role.TROUBLE), Span(name), Span(" is gone", Role.TROUBLE))
        pieces = [Span(f"  {glyphs.moods[node.mood]} ", MOOD_ROLES[node.mood]), Span(name)]
        if node.revision != pinned.revision:
            return line(*pieces, Span(" changed since this dialog opened", Role.WARNING))
        return line(*pieces, dim(f" {cut(self.facts(node), max(10, cells - 27))}"))

    def action_yes(self) -> None:
        if not self.typed:
            self.begin()

    def chosen(self, name: str) -> None:
        self.begin()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.begin()

    def action_cancel(self) -> None:
        if self._phase is Phase.WORKING:
            self._said = "it is being done; the results come in a moment"
            self.sync()
            return
        self.close()

    @property
    def is_asking(self) -> bool:
        """Whether nothing has been done yet."""
        return self._phase is Phase.ASKING

    def refuse(self, reason: str) -> None:
        """Say why nothing was done."""
        self._said = reason
        self.sync()

    def begin(self) -> None:
        """Act, once, however often the key is hit."""
        if self._phase is not Phase.ASKING:
            return
        app = self.console_app
        reason = app.desk.why_not(BY_ID[self._act.verb], app.now_s())
        if reason:
            self._said = reason
        elif self.typed and self.query_one(Input).value.strip() != self.typed:
            self._said = f"that is not {self.typed!r}; nothing was done"
        else:
            self._said = ""
            self._phase = Phase.WORKING
            app.spawn(self._work())
        self.sync()

    async def _work(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(pinned: Pinned) -> None:
            async with gate:
                self._results[pinned.id] = await self._outcome(pinned)
            self.sync()

        await asyncio.gather(*(one(pinned) for pinned in self._targets))
        self._finish()

    async def _outcome(self, pinned: Pinned) -> str:
        """Why it failed, "" when it did not."""
        try:
            await self._perform(pinned)
        except LlmlbError as error:
            if isinstance(error, RouterRefused) and error.status == 401:
                self.console_app.session_ended(error.message)
            return explain_refusal(error)
        return ""

    def _finish(self) -> None:
        app = self.console_app
        failed = [id for id, failure in self._results.items() if failure]
        done = [id for id, failure in self._results.items() if not failure]
        app.desk.selection.keep_marks(failed if len(self._targets) > 1 else [])
        names = done[0] if len(done) == 1 else f"{len(done)} nodes"
        if done:
            app.note("done", f"{self._act.past} by you", subject=names)
        if not failed:
            self.dismiss()
            app.say(f"{self._act.past} {names}")
            return
        self._phase = Phase.FAILED
        self._said = f"{len(failed)} of {len(self._targets)} failed; they stay marked" if len(self._targets) > 1 else ""
        app.note("failed", self._results[failed[0]], subject=failed[0])
        self.query_one("#choice-cancel").focus()
        self.sync()
