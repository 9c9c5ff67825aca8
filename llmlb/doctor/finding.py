"""A fault, with its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from llmlb.doctor.world import World


class Severity(StrEnum):
    """How much it matters."""

    CRITICAL = "critical"
    """Requests fail or the router cannot run, or soon."""
    WARNING = "warning"
    """It works, worse than it could, or until something else goes wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. subject: a node, a model, a file or a setting; "" for the whole.  fix: what to do, one line."""

    severity: Severity
    message: str
    fix: str
    subject: str = ""


Finder = Callable[[World], Iterator[Finding]]


def critical(message: str, *, fix: str, subject: str = "") -> Finding:
    return Finding(Severity.CRITICAL, message, fix, subject)


def warning(message: str, *, fix: str, subject: str = "") -> Finding:
    return Finding(Severity.WARNING, message, fix, subject)
