"""Do something to rows of a list: the exact ones that were chosen, once, with a result for each."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from llmlb.errors import LlmlbError, RouterRefused
from llmlb_tui.dialogs.dialog import Dialog
from llmlb_tui.model.actions import BY_ID, cli_line
from llmlb_tui.model.acts import Act, Pinned, explain_refusal
from llmlb_tui.model.selection import Selection
from llmlb_tui.model.text import cut, fitted, middle_cut
from llmlb_tui.render.line import EMPTY, Line, Role, Span, dim, line, wrapped

S = TypeVar("S")
Perform = Callable[[Pinned], Awaitable[None]]

AT_ONCE = 8
SHOWN_TARGETS = 10
NAME_CELLS = 22


class Phase(StrEnum):
    ASKING = "asking"
    WORKING = "working"
    FAILED = "failed"


class ActDialog(Dialog, Generic[S]):
    """Asks, acts once, and stays open only when something failed.

    skipped: how many were chosen that the act means nothing for.  selection: where what failed stays marked.
    """

    NOUN: ClassVar[str]
    BINDINGS: ClassVar = [Binding("y", "yes", show=False), Binding("n", "cancel", show=False)]

    def __init__(
        self, act: Act[S], targets: Sequence[Pinned], skipped: int, perform: Perform, selection: Selection
    ) -> None:
        super().__init__()
        self._act = act
        self._targets = tuple(targets)
        self._skipped = skipped
        self._perform = perform
        self._selection = selection
        self._phase = Phase.ASKING
        self._results: dict[str, str] = {}
        self._said = ""

    # What subclasses know

    @abstractmethod
    def present(self, id: str) -> S | None:
        """The target as it is now; None when it is gone."""

    @abstractmethod
    def sign(self, target: S) -> Span:
        """How it stands, in one sign."""

    @abstractmethod
    def facts(self, target: S) -> str:
        """What tells one target from another."""

    def has_changed(self, target: S, pinned: Pinned) -> bool:
        """Whether it is another one than when the dialog opened."""
        return False

    # What is shown

    def _amount(self, ids: Sequence[str]) -> str:
        return ids[0] if len(ids) == 1 else f"{len(ids)} {self.NOUN}s"

    def heading(self) -> str:
        amount = self._amount([pinned.id for pinned in self._targets])
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
            yield from self.field(f"Type {self.typed}", id="typed")

    def lines(self, cells: int) -> list[Line]:
        lines = [line(f"These exact {self.NOUN}s were pinned when this dialog opened:")]
        lines += [self._target_line(pinned, cells) for pinned in self._shown_targets()]
        if len(self._targets) > SHOWN_TARGETS:
            lines.append(line(dim(f"  and {len(self._targets) - SHOWN_TARGETS} more")))
        if self._skipped:
            lines.append(line(dim(f"  {self._skipped} marked {self.NOUN}s are left alone: {self._act.misfit}")))
        found = [target for pinned in self._targets if (target := self.present(pinned.id)) is not None]
        lines += [line(part) for part in wrapped(self._act.effect(found), cells)]
        same = self.same(self._cli_ids(), self.console_app.desk.identity.context)
        lines += [line(dim(part)) for part in wrapped(f"Same as: {same}", cells, limit=3)]
        if self._said:
            lines += [EMPTY, *(line(Span(part, Role.TROUBLE)) for part in wrapped(self._said, cells))]
        return lines

    def same(self, ids: Sequence[str], context: str) -> str:
        """The command that does the same."""
        action = BY_ID[self._act.action]
        command = " ".join((self._act.cli or action.cli, *self.options()))
        return cli_line(action._replace(cli=command), ids, context=context)

    def options(self) -> Sequence[str]:
        """Options of that command that were entered here."""
        return ()

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
        glyphs = self.console_app.desk.glyphs
        target = self.present(pinned.id)
        name = fitted(middle_cut(pinned.id, NAME_CELLS, ellipsis=glyphs.ellipsis), NAME_CELLS)
        if pinned.id in self._results:
            failure = self._results[pinned.id]
            role = Role.TROUBLE if failure else Role.GOOD
            mark = glyphs.lost if failure else glyphs.good
            return line(Span(f"  {mark} ", role), Span(name), Span(f" {failure or self._act.past}", role))
        if target is None:
            return line(Span(f"  {glyphs.lost} ", Role.TROUBLE), Span(name), Span(" is gone", Role.TROUBLE))
        sign = self.sign(target)
        pieces = [Span(f"  {sign.text} ", sign.role), Span(name)]
        if self.has_changed(target, pinned):
            return line(*pieces, Span(" changed since this dialog opened", Role.WARNING))
        return line(*pieces, dim(f" {cut(self.facts(target), max(10, cells - 27))}"))

    # What is done

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
        reason = app.desk.why_not(BY_ID[self._act.action], app.now_s())
        if reason:
            self._said = reason
        elif not self.is_typed:
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
        self._selection.keep_marks(failed if len(self._targets) > 1 else [])
        if done:
            app.note("done", f"{self._act.past} by you", subject=self._amount(done))
        if not failed:
            self.dismiss()
            app.say(f"{self._act.past} {self._amount(done)}")
            return
        self._phase = Phase.FAILED
        self._said = f"{len(failed)} of {len(self._targets)} failed; they stay marked" if len(self._targets) > 1 else ""
        app.note("failed", self._results[failed[0]], subject=failed[0])
        self.query_one("#choice-cancel").focus()
        self.sync()
