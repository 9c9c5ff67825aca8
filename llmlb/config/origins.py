"""Where a value of the configuration came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from llmlb.config.declaration import Value


class OriginKind(StrEnum):
    """The sources of a value, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    FLAG = "flag"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class Origin:
    """One source of a value.

    detail: ``config.toml:12``, the variable's name, the flag; empty for defaults and live changes.
    """

    kind: OriginKind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".rstrip()


DEFAULT = Origin(OriginKind.DEFAULT)
STORED = Origin(OriginKind.STORED)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source said.

    values: by dotted key.  origins: of the same keys.  problems: one line each, naming place and remedy.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
