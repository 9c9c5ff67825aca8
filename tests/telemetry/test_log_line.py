from __future__ import annotations

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.telemetry.log_line import MAX_VALUE_CHARS, FieldValue, LogLine, field_value, line_of, safe

AT_UNIX_S = 1_800_000_000.25


def record(message: str = "node is online", *args: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("llmlb.test", logging.WARNING, __file__, 1, message, args, None)
    made.created = AT_UNIX_S
    made.__dict__.update(fields)
    return made


def line(**fields: FieldValue) -> LogLine:
    return LogLine(AT_UNIX_S, "WARNING", "llmlb.test", "node is online", fields)


def test_text_is_aligned_and_names_its_fields() -> None:
    assert line(node_id="node-1", cause="it is late", ms=1.5).text(coloured=False) == (
        "2027-01-15T08:00:00.250Z WARNING  llmlb.test               node is online"
        ' node_id=node-1 cause="it is late" ms=1.5'
    )


def test_colour_is_only_where_it_was_asked_for() -> None:
    assert "\x1b" not in line().text(coloured=False)
    assert "\x1b[33mWARNING \x1b[0m" in line().text(coloured=True)


def test_json_is_one_object_with_the_fields_beside_the_message() -> None:
    assert json.loads(line(node_id="node-1", ms=1.5, alive=True, none=None).json()) == {
        "at": "2027-01-15T08:00:00.250Z",
        "level": "warning",
        "logger": "llmlb.test",
        "message": "node is online",
        "node_id": "node-1",
        "ms": 1.5,
        "alive": True,
        "none": None,
    }


def test_a_field_cannot_replace_the_message() -> None:
    entry = json.loads(line(message="forged", level="debug", traceback="none").json())
    assert (entry["message"], entry["message_"], entry["level"]) == ("node is online", "forged", "warning")


@given(st.text(), st.text())
def test_no_value_can_begin_a_line_of_its_own(message: str, value: str) -> None:
    made = line_of(record("%s", message, node_id=value))
    for shown in (made.text(coloured=False), made.json()):
        assert len(shown.splitlines()) == 1
        shown.encode()
    assert json.loads(made.json())["logger"] == "llmlb.test"


def test_a_value_cannot_pretend_to_be_another_field() -> None:
    shown = line(node_id='x" cause="none').text(coloured=False)
    assert shown.endswith(r'node_id="x\" cause=\"none"')


@pytest.mark.parametrize(
    ("value", "shown"), [(float("nan"), "nan"), (float("inf"), "inf"), ([1], "[1]"), (b"x", "b'x'")]
)
def test_values_that_json_does_not_know_become_text(value: object, shown: str) -> None:
    assert field_value("x", value) == shown


def test_secrets_are_hidden_in_messages_fields_and_tracebacks() -> None:
    secret = "sk-abcdefghijklmnopqrstuvwxyz"
    try:
        raise ValueError(f"no such key: {secret}")
    except ValueError:
        made = record("key %s", secret, header=secret, password="hunter2")
        made.exc_info = sys.exc_info()
    shown = line_of(made)
    assert secret not in shown.json() + shown.text(coloured=False)
    assert "hunter2" not in shown.json()
    assert "ValueError: no such key: sk-***" in shown.trace


def test_a_traceback_is_indented_so_that_it_cannot_forge_a_line() -> None:
    try:
        raise ValueError("2027-01-15T08:00:00.250Z INFO forged\n2027-01-15T08:00:00.250Z INFO forged")
    except ValueError:
        made = record()
        made.exc_info = sys.exc_info()
    _, *rest = line_of(made).text(coloured=False).split("\n")
    assert rest
    assert all(part.startswith("    ") for part in rest)


def test_a_message_that_does_not_fit_its_arguments_is_still_logged() -> None:
    assert line_of(record("%d nodes", "three")).message == "%d nodes (its arguments do not fit)"


def test_a_value_of_any_length_makes_a_line_of_bounded_length() -> None:
    assert len(safe("x" * 10_000_000)) < MAX_VALUE_CHARS + 50
    assert safe("x" * 5000).endswith("... (5000 characters)")
