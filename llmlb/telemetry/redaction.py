"""Keeps secrets and terminal tricks out of every line that is logged."""

from __future__ import annotations

import re

HIDDEN = "***"

_SECRETS = re.compile(
    r"(?P<prefix>(?<![A-Za-z0-9])(?:sk-|nt_|jt_))[A-Za-z0-9_\-]{8,}"
    r"|(?P<jwt>(?<![A-Za-z0-9])eyJ)[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"
    r"|(?P<header>(?:authorization|x-api-key|x-node-token|x-join-token|cookie)\W{1,4}"
    r"(?:(?:bearer|basic|token)\s+)?)[^\s\"',;\\]+"
    r"|(?P<bearer>\bbearer\s+)[^\s\"',;\\]{8,}"
    r"|(?P<userinfo>://[^\s/:@\"']*:)[^\s/@\"']+(?=@)",
    re.IGNORECASE,
)
_SECRET_FIELDS = re.compile(r"password|secret|token$|api_?key$|authorization|credential|cookie|jwt", re.IGNORECASE)
_TRICKS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def redacted(text: str) -> str:
    """The text with credentials replaced: our own keys and tokens, JWTs, authorisation headers, passwords in URLs."""
    return _SECRETS.sub(_hide, text)


def is_secret_field(name: str) -> bool:
    """Whether a field of this name is hidden whatever it holds."""
    return _SECRET_FIELDS.search(name) is not None


def printable(text: str) -> str:
    """The text on one line, without characters that a terminal obeys: they are written as escapes."""
    return _TRICKS.sub(_escape, text)


def _hide(match: re.Match[str]) -> str:
    kept = match.lastgroup
    return f"{match.group(kept) if kept else ''}{HIDDEN}"


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    named = {9: "\\t", 10: "\\n", 13: "\\r"}
    return named.get(code) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
