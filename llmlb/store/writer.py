"""The store's one thread. All SQL runs here, in the order in which it was asked for."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import TypeVar

from llmlb.clock import monotonic_s
from llmlb.errors import StoreBusy, StoreError
from llmlb.store.calls import Call, Turn
from llmlb.store.database import Database
from llmlb.store.flush import Flusher
from llmlb.store.places import Places

T = TypeVar("T")

WAITING_CALLS = 256
"""More than an operator and a fleet's registrations ever have; beyond it the store is stuck, and says so."""

FLUSH_INTERVAL_S = 0.25
"""A second's rows of a busy router are megabytes."""


class Writer:
    """A daemon thread that owns both connections: a stuck disk blocks it and nothing else, not even the exit."""

    def __init__(self, places: Places, flusher: Flusher, *, flush_interval_s: float = FLUSH_INTERVAL_S) -> None:
        self._places = places
        self._flusher = flusher
        self._flush_interval_s = flush_interval_s
        self._queue: queue.Queue[Call[object] | None] = queue.Queue(maxsize=WAITING_CALLS)
        self._is_stopping = threading.Event()
        self._has_opened = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="llmlb-store", daemon=True)

    def start(self, timeout_s: float) -> None:
        """Starts the thread and waits until the files are open. Raises what opening them raised."""
        self._thread.start()
        if not self._has_opened.wait(timeout_s):
            self._is_stopping.set()
            raise StoreBusy(f"{self._places.main} did not open within {timeout_s:g} s; is its disk answering?")
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    @property
    def waiting_calls(self) -> int:
        return self._queue.qsize()

    async def call(self, work: Callable[[Turn], T], *, deadline_s: float) -> T:
        """Runs work on the thread and waits for its result.

        Raises StoreBusy when the deadline runs out or too many calls wait, and whatever the work raised.
        """
        if self._is_stopping.is_set():
            raise StoreError("The store is closed.")
        call = Call(work, asyncio.get_running_loop(), monotonic_s() + deadline_s)
        try:
            self._queue.put_nowait(call)  # type: ignore[arg-type]  # Call is invariant, the queue only runs it
        except queue.Full:
            raise StoreBusy("Too many calls wait for the store; try again in a moment.") from None
        try:
            async with asyncio.timeout(deadline_s):
                return await call.future
        except TimeoutError:
            if call.abandon():
                raise StoreBusy(f"The store did not answer within {deadline_s:g} s; nothing was changed.") from None
            raise StoreBusy(
                f"The store did not confirm within {deadline_s:g} s; look whether the change is there before "
                "repeating it."
            ) from None
        finally:
            call.abandon()

    def stop(self, timeout_s: float) -> bool:
        """Ends the thread after what already waits and a last flush. False: it is stuck and was left behind."""
        self._is_stopping.set()
        with suppress(queue.Full):  # then the thread sees the flag between two calls
            self._queue.put_nowait(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with ExitStack() as files:
            try:
                main = files.enter_context(closing(Database(self._places.main, synchronous="FULL")))
                runtime = files.enter_context(closing(Database(self._places.runtime, synchronous="NORMAL")))
            except StoreError as error:  # start() raises it, where somebody can act on it
                self._failure = error
                return
            finally:
                self._has_opened.set()
            try:
                self._serve(main, runtime)
                self._flusher.flush(runtime)
            finally:
                self._is_stopping.set()
                self._refuse_the_rest()

    def _serve(self, main: Database, runtime: Database) -> None:
        flush_at_s = monotonic_s() + self._flush_interval_s
        while True:
            call = self._next_call(flush_at_s - monotonic_s())
            if call is not None:
                call.run(main, runtime, monotonic_s())
            if monotonic_s() >= flush_at_s:
                self._flusher.flush(runtime)
                flush_at_s = monotonic_s() + self._flush_interval_s
            if self._is_stopping.is_set() and self._queue.empty():
                return

    def _next_call(self, timeout_s: float) -> Call[object] | None:
        try:
            return self._queue.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None

    def _refuse_the_rest(self) -> None:
        while True:
            try:
                call = self._queue.get_nowait()
            except queue.Empty:
                return
            if call is not None:
                call.refuse(StoreError("The store was closed."))
