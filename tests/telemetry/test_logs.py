from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest

from llmlb.core.record import ExchangeOutcome, ExchangeRecord
from llmlb.telemetry.logs import KEPT_LINES, LogHandler, Logs, configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Configure = Callable[..., Logs]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Configures logging and leaves the process as it was."""
    names = ("", "uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "asyncio")
    before = {name: logging.getLogger(name).level for name in names}
    made: list[Logs] = []

    def start(*arguments: str, **options: object) -> Logs:
        logs = configure_logging(*arguments, **{"environ": {}, **options})  # type: ignore[arg-type]  # as tests need
        made.append(logs)
        return logs

    yield start
    for logs in made:
        logs.close()
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def record(number: int = 1) -> ExchangeRecord:
    return ExchangeRecord(f"req_{number}", 0.0, endpoint="/v1/embeddings", status=200, outcome=ExchangeOutcome.ANSWERED)


def test_json_lines_parse_one_by_one(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure("info", "json", stream=stream)
    logging.getLogger("llmlb.a").info("first\nstill first", extra={"node_id": "node-1"})
    logging.getLogger("llmlb.b").warning("second")
    logs.access([record()])
    logs.close()
    entries = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert [entry["message"] for entry in entries] == ["first\\nstill first", "second", "/v1/embeddings 200 answered"]
    assert entries[0]["node_id"] == "node-1"


def test_a_level_below_the_chosen_one_is_not_written(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure("warning", stream=stream)
    logging.getLogger("llmlb.a").info("quiet")
    logging.getLogger("llmlb.a").warning("loud")
    logs.close()
    assert "loud" in stream.getvalue()
    assert "quiet" not in stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "environ", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    configure: Configure, stream: io.StringIO, environ: dict[str, str], coloured: bool
) -> None:
    logs = configure(stream=stream, environ=environ)
    logging.getLogger("llmlb.a").warning("x")
    logs.close()
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_uvicorn_is_logged_our_way_and_its_access_lines_are_not(configure: Configure) -> None:
    stream = io.StringIO()
    own = logging.StreamHandler(stream)
    logging.getLogger("uvicorn").addHandler(own)
    logs = configure(stream=stream)
    logging.getLogger("uvicorn.error").info("Application startup complete.")
    logging.getLogger("uvicorn.access").info("GET / 200")
    logs.close()
    assert stream.getvalue().count("Application startup complete.") == 1
    assert "GET /" not in stream.getvalue()


def test_libraries_do_not_chat_at_info(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure("info", stream=stream)
    logging.getLogger("httpx").info("HTTP Request: POST http://node/v1")
    logs.close()
    assert stream.getvalue() == ""


def test_access_lines_can_be_switched_off(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure(stream=stream, access=False)
    logs.access([record()])
    logs.close()
    assert stream.getvalue() == ""


def test_the_console_gets_the_last_lines_newest_first(configure: Configure) -> None:
    logs = configure(stream=io.StringIO())
    for number in range(KEPT_LINES + 10):
        logging.getLogger("llmlb.a").log(logging.WARNING if number % 2 else logging.INFO, "line %d", number)
    kept = logs.recent()
    assert len(kept) == KEPT_LINES
    assert kept[0].message == f"line {KEPT_LINES + 9}"
    assert {line.level for line in logs.recent(level="warning")} == {"WARNING"}
    assert len(logs.recent(5)) == 5


def test_traffic_does_not_push_trouble_out_of_the_console(configure: Configure) -> None:
    logs = configure(stream=io.StringIO())
    logging.getLogger("llmlb.a").warning("trouble")
    for number in range(KEPT_LINES):
        logs.access([record(number)])
    logs.flush()
    assert [line.message for line in logs.recent()] == ["trouble"]


def test_configuring_twice_does_not_write_twice(configure: Configure) -> None:
    first, second = io.StringIO(), io.StringIO()
    configure(stream=first)
    logs = configure(stream=second)
    logging.getLogger("llmlb.a").warning("once")
    logs.close()
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_closing_leaves_no_handler_behind(configure: Configure) -> None:
    configure(stream=io.StringIO()).close()
    assert not [handler for handler in logging.getLogger().handlers if isinstance(handler, LogHandler)]


def test_an_object_that_cannot_be_shown_does_not_break_the_request(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

    monkeypatch.setattr(logging, "raiseExceptions", False)
    stream = io.StringIO()
    logs = configure(stream=stream)
    logging.getLogger("llmlb.a").warning("x", extra={"value": Hostile()})
    logging.getLogger("llmlb.a").warning("after")
    logs.close()
    assert "after" in stream.getvalue()
