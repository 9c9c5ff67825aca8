"""What one call of the command asks for, and where its words go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from llmlb.loadtest.target import Target
from llmlb.loadtest.typed import Typed


@dataclass(frozen=True, slots=True)
class Job:
    """Everything one call of the command asks for.

    target: where to; its key is empty if none was given.  operator_token: to make temporary keys with.
    tenant_keys: ``NAME=KEY`` for each of the tenants, or none.  vs: empty,
    ``direct`` or a URL; vs_api_key goes there.  pin: node for all requests, or the one that ``direct`` compares with.
    policies: one for all requests, or two to compare.  files: format and path; ``-`` is stdout.
    """

    typed: Typed
    target: Target
    operator_token: str = ""
    tenant_keys: tuple[str, ...] = field(default=(), repr=False)
    vs: str = ""
    vs_api_key: str = ""
    pin: str = ""
    policies: tuple[str, ...] = ()
    output: str = "text"
    files: tuple[tuple[str, str], ...] = ()
    save: str = ""
    baseline: str = ""
    fail_if_worse: float | None = None
    force: bool = False
    live: bool = True
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """Where results and narration go. is_terminal: whether someone watches the narration."""

    write: Callable[[str], None]
    note: Callable[[str], None]
    is_terminal: bool
