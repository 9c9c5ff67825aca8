"""What the terminal can do, found out before Textual is imported: it reads the environment only then."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping, MutableMapping

from llmlb.errors import ConfigurationError

ONCE_HINT = "llmlb top --once prints one frame anywhere"


def require_terminal(environ: Mapping[str, str]) -> None:
    """Raises ConfigurationError where the console cannot draw: Textual draws on stderr and reads stdin."""
    if environ.get("TERM", "") == "dumb":
        raise ConfigurationError(f"TERM=dumb cannot draw the console; {ONCE_HINT}")
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        raise ConfigurationError(f"the console needs a terminal on stdin and stderr; {ONCE_HINT}")


def wants_no_color(environ: Mapping[str, str]) -> bool:
    """NO_COLOR counts only when it holds something."""
    return bool(environ.get("NO_COLOR"))


def wants_ascii(environ: Mapping[str, str]) -> bool:
    """Whether the terminal's encoding has no room for our signs."""
    chosen = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if chosen:
        return chosen in ("C", "POSIX") or not _is_unicode(chosen)
    return not _is_unicode(locale.getpreferredencoding(do_setlocale=False))


def _is_unicode(name: str) -> bool:
    return "utf" in name.lower().replace("-", "")


_SIXTEEN_COLOURS = ("linux", "xterm", "screen", "vt100", "vt220", "ansi", "cygwin", "rxvt")


def default_theme(environ: Mapping[str, str]) -> str:
    """``mono`` without colour, ``ansi`` on terminals with sixteen, else ``dark``."""
    if wants_no_color(environ):
        return "mono"
    has_more = environ.get("COLORTERM", "") in ("truecolor", "24bit")
    return "ansi" if environ.get("TERM", "") in _SIXTEEN_COLOURS and not has_more else "dark"


def prepare_environment(environ: MutableMapping[str, str], *, colourless: bool) -> None:
    """Set what Textual reads at import: no animation, and colours really off where they are unwanted."""
    for name in ("COLUMNS", "LINES"):
        # Exported by some shells, as the window was then: Textual would believe them for ever.
        environ.pop(name, None)
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    environ.setdefault("ESCDELAY", "50")
    if colourless:
        # With an ansi theme and NO_COLOR Textual leaves colours out; with any other theme it greys them.
        environ["NO_COLOR"] = "1"
        environ["TEXTUAL_THEME"] = "ansi-dark"
    else:
        environ.pop("NO_COLOR", None)


def is_remote(environ: Mapping[str, str]) -> bool:
    """Whether the picture travels over SSH."""
    return bool(environ.get("SSH_CONNECTION"))


def system_environment() -> MutableMapping[str, str]:
    return os.environ
