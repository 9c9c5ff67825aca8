"""Exchanges and pages on which a planned fault strikes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import assert_never

from llmlb.sim.answers import Finish
from llmlb.sim.connection import Connection
from llmlb.sim.exchange import Ask, Exchange, send_refusal
from llmlb.sim.faults import Fault, FaultKind
from llmlb.sim.journal import Ending
from llmlb.sim.order import Refusal

_GARBAGE = b"\x16\x03\x01 this is no HTTP \x00\xff\xfe\r\n\r\n"
_MESSAGE = "The simulated engine failed on purpose."


class FaultyExchange(Exchange):
    """Answers like any other until its fault strikes. die: ends the whole process, or plays dead."""

    def __init__(self, ask: Ask, fault: Fault, *, die: Callable[[], None]) -> None:
        super().__init__(ask)
        self._fault = fault
        self._die = die
        self._has_struck = False
        self._timer: asyncio.TimerHandle | None = None
        self.record.fault = str(fault)

    def start(self) -> None:
        fault = self._fault
        match fault.kind:
            case FaultKind.HANG | FaultKind.REFUSE:
                return
            case FaultKind.SLOW_HEAD:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(fault.duration_s, super().start)
            case FaultKind.STATUS:
                self.refuse(_refusal(fault), ending=Ending.FAILED, headers=_refusal_headers(fault))
            case _ if _break_before_answer(fault, self.connection):
                self.conclude(Ending.FAILED)
            case _ if fault.count == 0 and (fault.kind is FaultKind.EXIT or self.order.is_stream):
                self._strike()
            case _:
                super().start()

    def on_tokens(self, tokens: Sequence[str]) -> None:
        if not self.order.is_stream or self._fault.kind is FaultKind.SLOW_HEAD:
            super().on_tokens(tokens)
            return
        room = self._fault.count - self.events
        super().on_tokens(tokens[:room])
        if room <= len(tokens):
            self.stop()
            self._strike()

    def on_end(self, finish: Finish) -> None:
        if self.order.is_stream or self._fault.kind is FaultKind.SLOW_HEAD:
            super().on_end(finish)
        else:
            self._strike()

    def abandon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().abandon()

    def _strike(self) -> None:
        """The middle of an answer: after the fault's events, or halfway through a body in one piece."""
        connection = self.connection
        match self._fault.kind:
            case FaultKind.STALL:
                self._send_part()
            case FaultKind.DIE_MID_STREAM:
                self._send_part()
                self._break_off(connection.hang_up)
            case FaultKind.RST:
                self._send_part()
                self._break_off(connection.reset)
            case FaultKind.EXIT:
                self.conclude(Ending.FAILED)
                self._die()
            case FaultKind.CLEAN_EOF_MID:
                self._end_too_early()
            case FaultKind.ERROR_EVENT:
                self._end_with_error()
            case FaultKind.ABORT_FINISH:
                self.complete(Finish.ABORT, ending=Ending.FAILED)
            case (
                FaultKind.REFUSE
                | FaultKind.HANG
                | FaultKind.SLOW_HEAD
                | FaultKind.STATUS
                | FaultKind.DIE_BEFORE_BYTE
                | FaultKind.GARBAGE
                | FaultKind.HUGE_HEADER
                | FaultKind.WRONG_LENGTH
            ):
                raise AssertionError("these strike before the answer begins")
            case _:
                assert_never(self._fault.kind)

    def _send_part(self) -> None:
        if self.order.is_stream:
            self.open()
        else:
            body = self.whole(Finish.STOP)
            self.connection.send(200, body[: len(body) // 2], declared_bytes=len(body))

    def _end_too_early(self) -> None:
        if self.order.is_stream:
            self.open()
            self.connection.end_stream()
        else:
            body = self.whole(Finish.STOP)
            self.connection.send(200, body[: len(body) // 2])
        self.conclude(Ending.FAILED)
        self.connection.finish()

    def _end_with_error(self) -> None:
        if self.order.is_stream:
            self.open()
            self.connection.end_stream(self.error_event(_MESSAGE))
            self.conclude(Ending.FAILED)
            self.connection.finish()
        else:
            self.refuse(Refusal(_MESSAGE, status=200, code="engine_failed"), ending=Ending.FAILED)

    def _break_off(self, how: Callable[[], None]) -> None:
        self.conclude(Ending.FAILED)
        how()


class FaultyPage:
    """A page such as ``/health`` that a fault with ``@path`` meets; send_page is its regular answer."""

    def __init__(
        self,
        connection: Connection,
        fault: Fault,
        *,
        send_page: Callable[[], None],
        die: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._fault = fault
        self._send_page = send_page
        self._die = die
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Lets the fault strike. Faults of the middle of an answer close the connection before it begins."""
        fault, connection = self._fault, self._connection
        match fault.kind:
            case FaultKind.HANG | FaultKind.STALL:
                return
            case FaultKind.SLOW_HEAD:
                self._timer = asyncio.get_running_loop().call_later(fault.duration_s, self._send_page)
            case FaultKind.STATUS:
                send_refusal(connection, _refusal(fault), headers=_refusal_headers(fault))
                connection.finish()
            case FaultKind.EXIT:
                self._die()
            case _ if not _break_before_answer(fault, connection):
                connection.hang_up()

    def abandon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def resume(self) -> None:
        """A page is small: nothing waits for its reader."""


def _refusal(fault: Fault) -> Refusal:
    return Refusal(_MESSAGE, status=fault.status, code="engine_failed")


def _refusal_headers(fault: Fault) -> list[tuple[str, str]]:
    return [("retry-after", str(fault.retry_after_s))] if fault.status == 429 else []


def _break_before_answer(fault: Fault, connection: Connection) -> bool:
    """Breaks the connection if this fault does so before or at the head. Returns whether it did."""
    match fault.kind:
        case FaultKind.DIE_BEFORE_BYTE:
            pass
        case FaultKind.RST if fault.count == 0:
            connection.reset()
        case FaultKind.GARBAGE:
            connection.write_raw(_GARBAGE)
        case FaultKind.HUGE_HEADER:
            connection.send(200, b"{}", headers=[("x-filler", "x" * fault.count)])
        case FaultKind.WRONG_LENGTH:
            body = b'{"object": "chat.completion", "choices": []}'
            connection.send(200, body, declared_bytes=len(body) + fault.count)
        case _:
            return False
    connection.hang_up()
    return True
