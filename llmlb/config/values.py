"""Reading one value: from a TOML file, a variable, a flag or the store, into the type its setting declares.

An unusable value is reported in words that name the range and an example; the caller adds where it was written.
Nothing is guessed: ``1e3`` is no whole number, ``yes`` in a TOML file is no boolean, NaN lies in no range.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from llmlb.config.declaration import Column, Kind, Setting, Value, plain

MAX_TEXT_CHARACTERS = 4096
"""Longer than any path, key or address; a bound, because a value may come from anywhere."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# Surrogates are what the interpreter makes of bytes that are not UTF-8 in a variable or an argument.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class UnusableValue(ValueError):
    """A value that its setting does not allow; the text says what would be allowed."""


def read_value(setting: Setting, value: object, *, dev: bool = False) -> Value:
    """A value that has a type already, as TOML, JSON and typed flags give it.  Raises UnusableValue."""
    match setting.kind:
        case Kind.BOOLEAN if isinstance(value, bool):
            return value
        case Kind.INTEGER if isinstance(value, int) and not isinstance(value, bool):
            return _within_range(setting, value, dev=dev)
        case Kind.NUMBER if isinstance(value, int | float) and not isinstance(value, bool):
            return _within_range(setting, value, dev=dev)
        case Kind.TEXT if isinstance(value, str):
            return _clean(setting, value)
        case Kind.CHOICE if isinstance(value, str):
            return _choice(setting, value)
        case Kind.LIST if isinstance(value, list | tuple):
            return tuple(_item(setting, each) for each in value)
        case Kind.TABLE if isinstance(value, Mapping):
            return {_item(setting, name): _item(setting, each) for name, each in value.items()}
        case Kind.TABLES if isinstance(value, Mapping):
            return {_item(setting, name): _row(setting, name, each) for name, each in value.items()}
        case _:
            raise UnusableValue(f"{_shown(setting, value)} is not {_wanted(setting, dev=dev)}")


def read_text(setting: Setting, text: str, *, dev: bool = False) -> Value:
    """A value written as text, as variables and flags give it.  Raises UnusableValue.

    Booleans: true, yes, on, 1 and their opposites, in any case.  Lists: separated by commas.  Tables: ``a=b,c=d``.
    Tables of tables: ``a=2:0.1,b=5``, the numbers in the order of the columns.
    """
    if not setting.rule.secret:  # blanks around a password are part of it
        text = text.strip()
    match setting.kind:
        case Kind.BOOLEAN if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        case Kind.INTEGER if _INTEGER.fullmatch(text):
            return read_value(setting, int(text), dev=dev)
        case Kind.NUMBER if _NUMBER.fullmatch(text):
            number = int(text) if _INTEGER.fullmatch(text) else float(text)
            return read_value(setting, number, dev=dev)
        case Kind.LIST:
            return tuple(_item(setting, part) for part in _parts(text))
        case Kind.TABLE:
            return dict(_pair(setting, part) for part in _parts(text))
        case Kind.TABLES:
            return read_value(setting, dict(_row_text(setting, part) for part in _parts(text)), dev=dev)
        case _:
            return read_value(setting, text, dev=dev)


def show_value(setting: Setting, value: Value) -> str:
    """A value as config.toml would hold it, a secret as ``(hidden)`` and an unset one as ``(unset)``."""
    if value is None or (setting.rule.secret and not value):
        return "(unset)"
    if setting.rule.secret:
        return "(hidden)"
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return plain(value)
        case str():
            return toml_text(value)
        case tuple():
            return "[" + ", ".join(toml_text(each) for each in value) + "]"
        case _:
            return "{" + ", ".join(f"{toml_text(name)} = {_entry(each)}" for name, each in value.items()) + "}"


def _entry(value: str | Mapping[str, float]) -> str:
    if isinstance(value, str):
        return toml_text(value)
    return "{ " + ", ".join(f"{name} = {plain(number)}" for name, number in value.items()) + " }"


def toml_text(text: str) -> str:
    """A text as a TOML basic string; for texts without control characters JSON writes the same."""
    return json.dumps(text, ensure_ascii=False)


def _within_range(setting: Setting, value: float, *, dev: bool) -> Value:
    low, high = setting.low(dev=dev), setting.rule.high
    # Written so that NaN, which compares false with everything, is refused as well.
    if low is not None and high is not None and not low <= value <= high:
        allowed = f"out of range: give {_example(setting, dev=dev)}"
        below = setting.rule.dev_low
        if not dev and below is not None and below <= value < low:
            allowed += f"; {plain(below)}..{plain(low)} {setting.rule.unit} needs --dev"
        raise UnusableValue(f"{_shown(setting, value)} is {allowed}")
    return float(value) if setting.kind is Kind.NUMBER else value


def _clean(setting: Setting, text: str) -> str:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise UnusableValue(f"the value is longer than {MAX_TEXT_CHARACTERS} characters: shorten it")
    if _UNPRINTABLE.search(text):
        raise UnusableValue(f"{_shown(setting, text)} holds a control character or is not UTF-8: mend it")
    return text


def _choice(setting: Setting, text: str) -> Value:
    assert setting.choices is not None, "only settings with choices have this kind"
    try:
        return setting.choices(text.lower())
    except ValueError:
        names = setting.range_text()
        raise UnusableValue(
            f"{_shown(setting, text)} is unknown: give one of {names}{did_you_mean(text.lower(), [*setting.choices])}"
        ) from None


def _item(setting: Setting, value: object) -> str:
    if not isinstance(value, str):
        raise UnusableValue(f"{_shown(setting, value)} is not text: put it in quotes")
    if not (text := value.strip()):
        raise UnusableValue("an entry is empty: remove it")
    return _clean(setting, text)


def _parts(text: str) -> list[str]:
    return [part for part in text.split(",") if part.strip()]


def _pair(setting: Setting, part: str) -> tuple[str, str]:
    name, separator, value = part.partition("=")
    if not separator:
        raise UnusableValue(f"{_shown(setting, part)} is no pair: write NAME=VALUE, and commas between pairs")
    return _item(setting, name), _item(setting, value)


def _row(setting: Setting, name: str, entry: object) -> Mapping[str, float]:
    """One entry of a table of tables, with what it must have and its numbers in range."""
    columns = {column.name: column for column in setting.rule.columns}
    names = ", ".join(columns)
    if not isinstance(entry, Mapping):
        raise UnusableValue(f"{shown(name)} is not a table: write {setting.rule.form}")
    for key in entry:
        if key not in columns:
            raise UnusableValue(f"{shown(name)} has the unknown key {shown(key)}: give {names}")
    row: dict[str, float] = {}
    for column in columns.values():
        value = entry.get(column.name)
        if value is None and column.is_optional:
            continue
        if value is None:
            raise UnusableValue(f"{shown(name)} lacks {column.name}: give it, for example {plain(column.example)}")
        if not _lies_in(column, value):
            allowed = f"{plain(column.low)}..{plain(column.high)} {column.unit}, for example {plain(column.example)}"
            raise UnusableValue(f"{shown(name)}: {column.name} {shown(value)} is out of range: give {allowed}")
        row[column.name] = float(value)
    return row


def _lies_in(column: Column, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and column.low <= value <= column.high


def _row_text(setting: Setting, part: str) -> tuple[str, Mapping[str, object]]:
    name, text = _pair(setting, part)
    numbers = text.split(":")
    columns = setting.rule.columns
    if len(numbers) > len(columns) or not all(_NUMBER.fullmatch(number.strip()) for number in numbers):
        example = ":".join(plain(column.example) for column in columns)
        raise UnusableValue(f"{shown(part)} is no entry: write NAME={example}, and commas between entries")
    return name, {column.name: float(number) for column, number in zip(columns, numbers, strict=False)}


def did_you_mean(name: str, known: list[str], *, cutoff: float = 0.6) -> str:
    """``; did you mean "port"?`` for a name close to a known one, else "".

    cutoff: how close, 0..1; higher for names that share a prefix anyway.
    """
    import difflib  # only ever needed on the way to an error

    close = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return f'; did you mean "{close[0]}"?' if close else ""


def _wanted(setting: Setting, *, dev: bool) -> str:
    if setting.kind not in (Kind.INTEGER, Kind.NUMBER):
        return f"{setting.kind}"
    return f"{setting.kind}: give {_example(setting, dev=dev)}"


def _example(setting: Setting, *, dev: bool) -> str:
    default = setting.default
    allowed = setting.range_text(dev=dev)
    return f"{allowed}, for example {plain(default)}" if isinstance(default, int | float) else allowed


def _shown(setting: Setting, value: object) -> str:
    if setting.rule.secret:
        return "the value (not shown, it is secret)"
    return shown(value)


def printable(text: str) -> str:
    """A text in which nothing can upset a terminal or fail to be encoded."""
    return _UNPRINTABLE.sub("?", text)


def shown(value: object) -> str:
    """Any value for an error message: at most 80 characters, and safe to print whatever it holds."""
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of more than 60 digits"  # str() refuses numbers of some thousand digits
    text = json.dumps(value) if isinstance(value, str) else str(value)
    text = printable(text)
    return text if len(text) <= 80 else text[:77] + "..."
