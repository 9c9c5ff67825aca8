"""The first words of ``llmlb serve``: where it listens, how to log in, how a node joins."""

from __future__ import annotations

import os
import sys

from llmlb import __version__
from llmlb.config.loading import Loaded
from llmlb.runtime.bootstrap import PASSWORD_FILE, FirstCredentials

_RED, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[1m", "\x1b[0m"


def welcome(loaded: Loaded, credentials: FirstCredentials, nodes: int, *, port: int) -> str:
    """A few lines for a person; coloured on a terminal only. port: where it really listens."""
    server = loaded.settings.server
    scheme = "https" if server.tls_cert else "http"
    host = f"[{server.host}]" if ":" in server.host else server.host
    url = f"{scheme}://{host}:{port}"
    lines = [
        f"llmlb {__version__} listens on {_styled(url, _BOLD)} with {nodes} known node{'' if nodes == 1 else 's'}."
    ]
    if loaded.dev:
        lines += [
            _styled("--dev: well-known login, short timers, no registration limits. Never on a network.", _RED),
            f"  login      {credentials.username} / {credentials.password}   (llmlb login --url {url})",
            f"  API key    {credentials.api_key}   (in memory only)",
        ]
    elif credentials.password:
        lines += [
            f"  login      {credentials.username} / {credentials.password}   (shown once; also in {PASSWORD_FILE})",
        ]
    lines += [
        f"  a node     llmlb agent --router-url {url} --engine-url http://127.0.0.1:11434",
        "  approve    llmlb nodes approve NODE",
        "  look       llmlb nodes list  |  llmlb top",
    ]
    if not loaded.dev:
        lines.append("  a key      llmlb keys create NAME")
    return "\n".join(lines) + "\n"


def _styled(text: str, style: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"{style}{text}{_PLAIN}"
