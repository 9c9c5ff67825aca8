"""Rows and objects as data: JSON, YAML, separated values; and one object as lines for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from llmlb_cli.columns import Column, Row, chosen_columns, value_at
from llmlb_cli.text import clean, clip, pad, width
from llmlb_cli.units import plain

_PLAIN_YAML_KEY = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n)$)[A-Za-z_][A-Za-z0-9_-]*", re.ASCII | re.I)
_FORMULA_STARTS = ("=", "+", "-", "@")


def picked(row: Row, fields: Sequence[str], columns: Sequence[Column]) -> Row:
    """The row with only the named fields, under their JSON names; all of it when none is named."""
    if not fields:
        return row
    chosen = chosen_columns(columns, [row], fields=fields, wide=True)
    return {column.key: value_at(row, column.key) for column in chosen}


def json_text(value: object) -> str:
    """JSON for people and jq: indented, with a line end."""
    return _shown(json.dumps(value, ensure_ascii=False, indent=2)) + "\n"


def json_line(value: object) -> str:
    """JSON on one line."""
    return _shown(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) + "\n"


def yaml_text(value: object) -> str:
    """YAML 1.2 of a JSON value, in block style; every text is quoted, so none can be read as something else."""
    return "".join(f"{line}\n" for line in _yaml_lines(value))


def separated(columns: Sequence[Column], rows: Sequence[Row], *, headers: bool, tabs: bool) -> str:
    """CSV (RFC 4180, with LF) or TSV of the raw values; the header holds the JSON names.

    Texts that a spreadsheet would run as a formula get an apostrophe in front.
    """
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t" if tabs else ",", lineterminator="\n")
    if headers:
        writer.writerow([column.key for column in columns])
    writer.writerows([_separated_cell(column.value(row)) for column in columns] for row in rows)
    return text.getvalue()


def fields_text(item: Row, columns: Sequence[Column], *, cells: int) -> str:
    """One object as ``name  value`` lines, in human units where a column knows them."""
    known = {column.key: column for column in columns}
    shown = {name: known[name].cell_text(item) if name in known else plain(value) for name, value in item.items()}
    names = max((width(name) for name in shown), default=0)
    lines = (f"{pad(clean(name), names)}  {clean(text)}".rstrip() for name, text in shown.items())
    return "".join(f"{clip(line, cells) if cells else line}\n" for line in lines)


def _separated_cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict() | list() | tuple():
            if isinstance(value, dict) or any(isinstance(each, Mapping | list | tuple) for each in value):
                return json.dumps(value, ensure_ascii=False)
            return _harmless(";".join(plain(each) for each in value))
        case str():
            return _harmless(value)
        case _:
            return str(value)


def _harmless(text: str) -> str:
    text = clean(text)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _yaml_lines(value: object) -> list[str]:
    match value:
        case dict() if value:
            lines: list[str] = []
            for name, each in value.items():
                lines += _yaml_entry(f"{_yaml_key(str(name))}:", each)
            return lines
        case list() | tuple() if value:
            return [line for each in value for line in _yaml_item(each)]
        case _:
            return [_yaml_scalar(value)]


def _yaml_entry(label: str, value: object) -> list[str]:
    if isinstance(value, dict | list | tuple) and value:
        return [label, *(f"  {line}" for line in _yaml_lines(value))]
    return [f"{label} {_yaml_scalar(value)}"]


def _yaml_item(value: object) -> list[str]:
    first, *rest = _yaml_lines(value)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _yaml_key(name: str) -> str:
    return name if _PLAIN_YAML_KEY.fullmatch(name) else _yaml_scalar(name)


def _yaml_scalar(value: object) -> str:
    # JSON's scalars and empty containers are YAML's as well.
    text = _shown(json.dumps(value, ensure_ascii=False), pairs=False)
    # YAML 1.1 readers take 1e-07 for a text; with a point it is a number to all.
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if isinstance(value, float) else text


def _shown(text: str, *, pairs: bool = True) -> str:
    """JSON text with everything escaped that a terminal would obey or hide; outside strings there is none.

    pairs: write characters beyond the first 65,536 as surrogate pairs, as JSON does and YAML does not.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else _escape(ord(each), pairs=pairs) for each in text)


def _escape(code: int, *, pairs: bool) -> str:
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    if not pairs:
        return f"\\U{code:08x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
