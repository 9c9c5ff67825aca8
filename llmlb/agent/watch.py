"""Keeping an eye on the engine: its kind, its latest reading, and whether it can serve at all."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import httpx

from llmlb.agent.discovery import find_engine
from llmlb.agent.engines import Engine, EngineReading
from llmlb.agent.engines.endpoint import EngineUnreachable
from llmlb.client.address import RouterAddress
from llmlb.errors import EngineError

logger = logging.getLogger(__name__)

SILENCE_TOLERATED_S = 15.0
"""A saturated Python engine was seen to keep its own pages waiting for seconds; its streams still run."""


class EngineWatch:
    """The engine at one of a few addresses.

    An engine that refuses connections is down at once; one that is slow or answers badly stays up on
    its last reading for 15 s. While
    it is down the agent withholds its heartbeats, so that the router sees a silent node and not a healthy one.
    """

    def __init__(self, http: httpx.AsyncClient, addresses: Sequence[RouterAddress], *, api_key: str = "") -> None:
        self._http = http
        self._addresses = addresses
        self._api_key = api_key
        self._engine: Engine | None = None
        self._reading: EngineReading | None = None
        self._seen_at_s = 0.0
        self._complaint = ""

    @property
    def reading(self) -> EngineReading | None:
        """The latest reading of an engine that can serve; None while it cannot."""
        return self._reading

    @property
    def url(self) -> str:
        """Where the engine was found, "" before that."""
        return self._engine.endpoint.url if self._engine is not None else ""

    async def look(self, *, now_s: float) -> None:
        """Ask the engine; never raises for what an engine does."""
        try:
            engine = self._engine if self._engine is not None and self._reading is not None else None
            if engine is None:
                engine = await find_engine(self._http, self._addresses, api_key=self._api_key)
            reading = await engine.probe()
        except EngineError as error:
            self._miss(error, now_s=now_s)
            return
        if self._reading is None:
            logger.info(
                "engine found",
                extra={"engine": reading.engine, "version": reading.version, "url": engine.endpoint.url},
            )
        self._engine, self._reading, self._seen_at_s, self._complaint = engine, reading, now_s, ""

    def _miss(self, error: EngineError, *, now_s: float) -> None:
        is_gone = isinstance(error, EngineUnreachable)
        if self._reading is not None and not is_gone and now_s - self._seen_at_s < SILENCE_TOLERATED_S:
            return
        self._reading = None
        # Once per reason: the engine is asked every few seconds, and a person wants to read the log.
        if error.message != self._complaint:
            self._complaint = error.message
            logger.warning("no engine to serve with; heartbeats wait for it", extra={"cause": error.message})
