"""What a setting is: one declared field with its unit, range, names and help.

A section is a frozen dataclass whose fields are declared with ``setting(...)``. Everything else is derived from these
declarations: loading, error messages, the example file, the documentation. So a new setting is one field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

Value = bool | int | float | str | tuple[str, ...] | Mapping[str, str] | Mapping[str, Mapping[str, float]] | None
"""What a setting can hold. None only where the declaration says ``| None``."""

_RULE = "llmlb.rule"


class Kind(StrEnum):
    """How a setting's value is written; the value is the words an error message uses."""

    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    TEXT = "text"
    CHOICE = "one of the names"
    LIST = "a list of texts"
    TABLE = "a table of texts"
    TABLES = "a table of tables"


@dataclass(frozen=True, slots=True)
class Column:
    """One number of each entry in a table of tables. low, high: inclusive.  is_optional: may be left out."""

    name: str
    unit: str
    low: float
    high: float
    example: float
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What was declared about one setting, beside its type and default.

    form: what a text must look like, in a reader's words.  low, high: inclusive, in `unit`.  dev_low: the lower bound
    under --dev, where a demonstration needs shorter times.  key: the name in config.toml, when the attribute's differs.
    variables: names in the environment, the first one wins; empty stands for the systematic name.  live: can be
    changed while the router runs.  columns: of a table of tables.
    """

    help: str
    form: str
    unit: str
    low: float | None
    high: float | None
    dev_low: float | None
    key: str
    variables: tuple[str, ...]
    flag: str
    secret: bool
    live: bool
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the configuration, as declared.

    section: "server"; for one node's settings "nodes.<id>".  name: as in config.toml.  attribute: as in Python.
    """

    section: str
    name: str
    attribute: str
    kind: Kind
    choices: type[StrEnum] | None
    default: Value
    rule: Rule

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that set it, the winning one first: as declared, else ``LLMLB_<SECTION>_<KEY>``."""
        if self.rule.variables or not self.section.isidentifier():
            return self.rule.variables
        return (f"LLMLB_{self.section}_{self.name}".upper(),)

    def low(self, *, dev: bool) -> float | None:
        return self.rule.dev_low if dev and self.rule.dev_low is not None else self.rule.low

    def range_text(self, *, dev: bool = False) -> str:
        """The allowed values in a reader's words, e.g. ``0..100 %``; "" when any text will do."""
        if self.choices is not None:
            return ", ".join(self.choices)
        low, high = self.low(dev=dev), self.rule.high
        if low is None or high is None:
            return self.rule.form
        return f"{plain(low)}..{plain(high)} {self.rule.unit}".rstrip()


def setting(
    default: T,
    *,
    help: str,
    form: str = "",
    key: str = "",
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    dev_low: float | None = None,
    env: tuple[str, ...] = (),
    flag: str = "",
    secret: bool = False,
    live: bool = False,
    columns: tuple[Column, ...] = (),
) -> T:
    """Declares one field of a section; the parameters are those of `Rule`.

    A secret never appears in the section's repr, in an error message or in a listing.
    """
    rule = Rule(
        help=help,
        form=form,
        unit=unit,
        low=low,
        high=high,
        dev_low=dev_low,
        key=key,
        variables=env,
        flag=flag,
        secret=secret,
        live=live,
        columns=columns,
    )
    metadata = {_RULE: rule}
    if isinstance(default, dict):
        return cast(T, field(default_factory=default.copy, repr=not secret, metadata=metadata))
    return field(default=default, repr=not secret, metadata=metadata)


@cache
def declared(section: str, owner: type) -> tuple[Setting, ...]:
    """The settings of one section's dataclass, in the order of their declaration.

    owner: a dataclass whose fields all have `setting` defaults.
    """
    hints = get_type_hints(owner)
    blank = owner()
    found = []
    for each in fields(owner):
        rule = each.metadata[_RULE]
        kind, choices = _kind_of(hints[each.name])
        found.append(
            Setting(
                section=section,
                name=rule.key or each.name,
                attribute=each.name,
                kind=kind,
                choices=choices,
                default=getattr(blank, each.name),
                rule=rule,
            )
        )
    return tuple(found)


def plain(value: float) -> str:
    """A number as an operator writes it: 10 rather than 10.0, 262144 rather than 2.6e+05."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _kind_of(hint: object) -> tuple[Kind, type[StrEnum] | None]:
    if isinstance(hint, UnionType):  # the only unions are `X | None`
        hint = next(part for part in get_args(hint) if part is not type(None))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Kind.CHOICE, hint
    simple = {bool: Kind.BOOLEAN, int: Kind.INTEGER, float: Kind.NUMBER, str: Kind.TEXT}
    if isinstance(hint, type) and hint in simple:
        return simple[hint], None
    if get_origin(hint) is tuple:
        return Kind.LIST, None
    if get_origin(hint) is Mapping:
        return Kind.TABLE if get_args(hint)[1] is str else Kind.TABLES, None
    raise TypeError(f"a setting cannot have the type {hint!r}")
