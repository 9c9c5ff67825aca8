"""Reading one value: what is accepted, and in which words the rest is refused."""

from __future__ import annotations

import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.config.declaration import Setting
from llmlb.config.sections import LogFormat
from llmlb.config.settings import node_settings, router_settings
from llmlb.config.values import UnusableValue, did_you_mean, read_text, read_value, show_value, shown

_PORT = router_settings()["server.port"]
_TIMEOUT = router_settings()["health.node_timeout"]
_PUBLIC = router_settings()["metrics.public"]
_HOST = router_settings()["server.host"]
_FORMAT = router_settings()["log.format"]
_PROXIES = router_settings()["server.trusted_proxies"]
_ALIASES = router_settings()["models.aliases"]
_PASSWORD = router_settings()["auth.admin_password"]
_SLOTS = node_settings()["max_concurrency"]


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (_PORT, "8080", 8080),
        (_PORT, " +1 ", 1),
        (_TIMEOUT, "60", 60.0),
        (_TIMEOUT, "6e1", 60.0),
        (_PUBLIC, "Yes", True),
        (_PUBLIC, "0", False),
        (_HOST, " ::1 ", "::1"),
        (_FORMAT, "JSON", LogFormat.JSON),
        (_PROXIES, "10.0.0.1, 10.1.0.0/16,", ("10.0.0.1", "10.1.0.0/16")),
        (_PROXIES, "", ()),
        (_ALIASES, "small=llama-3.2-1b, big = qwen3", {"small": "llama-3.2-1b", "big": "qwen3"}),
        (_PASSWORD, " blanks count ", " blanks count "),
        (_SLOTS, "16", 16),
    ],
)
def test_text_is_read_as_its_setting_declares(setting: Setting, text: str, value: object) -> None:
    read = read_text(setting, text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        (_PORT, 70_000, "70000 is out of range: give 0..65535, for example 8080"),
        (_PORT, 80.0, "80.0 is not a whole number: give 0..65535, for example 8080"),
        (_PORT, True, "True is not a whole number: give 0..65535, for example 8080"),
        (_PORT, None, "None is not a whole number: give 0..65535, for example 8080"),
        (_TIMEOUT, "60s", '"60s" is not a number: give 30..300 s, for example 60'),
        (_TIMEOUT, 301, "301 is out of range: give 30..300 s, for example 60"),
        (_TIMEOUT, 5, "5 is out of range: give 30..300 s, for example 60; 2..30 s needs --dev"),
        (_TIMEOUT, 1, "1 is out of range: give 30..300 s, for example 60"),
        (_TIMEOUT, math.nan, "nan is out of range: give 30..300 s, for example 60"),
        (_TIMEOUT, math.inf, "inf is out of range: give 30..300 s, for example 60"),
        pytest.param(
            _TIMEOUT,
            16**5000,
            "a number of more than 60 digits is out of range: give 30..300 s, for example 60",
            id="more digits than str() writes",
        ),
        (_PUBLIC, 1, "1 is not true or false"),
        (_HOST, 1, "1 is not text"),
        (_HOST, "a\x1b[31m", '"a\\u001b[31m" holds a control character or is not UTF-8: mend it'),
        (_HOST, "a" * 5000, "the value is longer than 4096 characters: shorten it"),
        (_FORMAT, "jsno", '"jsno" is unknown: give one of text, json; did you mean "json"?'),
        (_FORMAT, "xml", '"xml" is unknown: give one of text, json'),
        (_PROXIES, "10.0.0.1", '"10.0.0.1" is not a list of texts'),
        (_PROXIES, [1], "1 is not text: put it in quotes"),
        (_PROXIES, [" "], "an entry is empty: remove it"),
        (_ALIASES, {"a": 1}, "1 is not text: put it in quotes"),
        (_SLOTS, 0, "0 is out of range: give 1..100000 requests"),
    ],
)
def test_unusable_value_is_refused_in_words_that_help(setting: Setting, value: object, words: str) -> None:
    with pytest.raises(UnusableValue) as refused:
        read_value(setting, value)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (_PORT, "1_000"),
        (_PORT, "٨٠٨٠"),
        (_PORT, "0x10"),
        pytest.param(_PORT, "9" * 5000, id="more digits than int() reads"),
        (_TIMEOUT, "inf"),
        (_TIMEOUT, "nan"),
        (_PUBLIC, "maybe"),
        (_ALIASES, "a"),
        (_ALIASES, "=b"),
        (_HOST, "\udcff"),
    ],
)
def test_text_that_only_python_would_accept_is_refused(setting: Setting, text: str) -> None:
    with pytest.raises(UnusableValue):
        read_text(setting, text)


def test_dev_lowers_the_bound_and_says_so() -> None:
    assert read_value(_TIMEOUT, 2, dev=True) == 2.0
    with pytest.raises(UnusableValue, match=r"1 is out of range: give 2\.\.300 s, for example 60$"):
        read_value(_TIMEOUT, 1, dev=True)


def test_secret_is_never_repeated_in_a_refusal() -> None:
    for value in (12345, "hunter2\x00", ["hunter2"], "hunter2" * 1000):
        with pytest.raises(UnusableValue) as refused:
            read_value(_PASSWORD, value)
        assert "hunter2" not in str(refused.value)
        assert "12345" not in str(refused.value)


def test_whole_number_for_a_duration_becomes_a_float() -> None:
    assert isinstance(read_value(_TIMEOUT, 60), float)


@given(st.floats() | st.integers() | st.booleans() | st.text())
def test_a_number_is_either_in_range_or_refused(value: object) -> None:
    try:
        read = read_value(_TIMEOUT, value)
    except UnusableValue:
        return
    assert isinstance(read, float)
    assert 30 <= read <= 300


@given(st.text(st.characters()), st.sampled_from(list(router_settings().values())))
def test_any_text_is_read_or_refused_printably(text: str, setting: Setting) -> None:
    refusal = ""
    try:
        read_text(setting, text)
    except UnusableValue as error:
        refusal = str(error)
    assert refusal.isprintable()


@given(st.sampled_from(list(router_settings().values())))
def test_shown_default_reads_back_as_the_default(setting: Setting) -> None:
    if setting.rule.secret:
        assert show_value(setting, setting.default) == "(unset)"
        return
    written = tomllib.loads(f"key = {show_value(setting, setting.default)}")["key"]
    assert read_value(setting, written) == setting.default


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        (_PASSWORD, "hunter2", "(hidden)"),
        (_SLOTS, None, "(unset)"),
        (_SLOTS, 4, "4"),
        (_PUBLIC, False, "false"),
        (_TIMEOUT, 0.5, "0.5"),
        (_HOST, 'a"b', '"a\\"b"'),
        (_PROXIES, ("::1", "10.0.0.1"), '["::1", "10.0.0.1"]'),
        (_ALIASES, {"a b": "ü"}, '{"a b" = "ü"}'),
    ],
)
def test_value_is_shown_as_the_file_would_hold_it(
    setting: Setting, value: bool | float | str | tuple[str, ...] | dict[str, str] | None, text: str
) -> None:
    assert show_value(setting, value) == text


def test_long_value_is_cut_in_a_message() -> None:
    assert len(shown("x" * 1000)) == 80


def test_suggestion_names_only_what_is_close() -> None:
    assert did_you_mean("prot", ["port", "host"]) == '; did you mean "port"?'
    assert did_you_mean("zebra", ["port", "host"]) == ""
