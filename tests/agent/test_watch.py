"""When an engine counts as down, and what is remembered of it."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from agent.fake_world import ENGINE_URL, FakeEngine
from agent.virtual_time import run_virtually

from llmlb.agent.watch import SILENCE_TOLERATED_S, EngineWatch
from llmlb.client.address import router_address


def watched(engine: FakeEngine, *changes: object) -> list[bool]:
    """Whether the engine counts as up after each look; a number waits, anything else replaces its pages."""

    async def run() -> list[bool]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(engine.handle)) as http:
            watch, seen = EngineWatch(http, [router_address(ENGINE_URL)]), []
            for change in changes:
                if isinstance(change, float):
                    await asyncio.sleep(change)
                elif isinstance(change, bool):
                    engine.is_up = change
                else:
                    engine.pages = dict(change)  # type: ignore[call-overload]  # the third kind is a mapping
                await watch.look(now_s=asyncio.get_running_loop().time())
                seen.append(watch.reading is not None)
            return seen

    return run_virtually(run())


def test_a_refused_connection_is_down_at_once() -> None:
    assert watched(FakeEngine(), 1.0, False, True) == [True, False, True]


def test_a_bad_answer_is_forgiven_for_a_while_and_then_not() -> None:
    long = SILENCE_TOLERATED_S + 1
    assert watched(FakeEngine(), 1.0, {}, 5.0, long) == [True, True, True, False]


def test_a_good_answer_starts_the_patience_over() -> None:
    pages = FakeEngine().pages
    assert watched(FakeEngine(), 1.0, {}, 10.0, pages, {}, 10.0) == [True] * 6


def test_an_engine_that_is_not_there_is_complained_about_once_per_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        watched(FakeEngine(), False, 5.0, 5.0, True, {}, 20.0, 5.0)
    causes = [str(record.__dict__["cause"]) for record in caplog.records]
    assert len(causes) == len(set(causes)) > 1


def test_an_engine_that_was_found_is_told_with_kind_and_version(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="llmlb"):
        watched(FakeEngine(), 1.0, 1.0)
    (record,) = [record for record in caplog.records if record.name.startswith("llmlb")]
    assert (record.__dict__["engine"], record.__dict__["version"]) == ("ollama", "0.12.6")
