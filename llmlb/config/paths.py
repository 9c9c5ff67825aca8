"""Where llmlb keeps its files on this machine.

Three directories, as the platform's conventions have them, each one movable by a variable:

    data directory      LLMLB_DATA_DIR      the router's databases, backups and generated secrets
    config directory    LLMLB_CONFIG_DIR    contexts.toml of the client commands
    state directory     LLMLB_STATE_DIR     credentials of the client commands and the agent's node token

Nothing here creates a directory: whoever writes does, with ``secrets_file.ensure_private_dir``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

DATA_DIR_VARIABLE = "LLMLB_DATA_DIR"
CONFIG_DIR_VARIABLE = "LLMLB_CONFIG_DIR"
STATE_DIR_VARIABLE = "LLMLB_STATE_DIR"


def data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Where the router keeps its databases and generated secrets; absolute."""
    chosen = _chosen(DATA_DIR_VARIABLE, environ)
    if chosen is not None:
        return chosen
    if (usual := _on_linux("XDG_DATA_HOME", "~/.local/share")) is not None:
        return usual
    import platformdirs

    return Path(platformdirs.user_data_dir("llmlb", appauthor=False))


def config_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Where the client commands keep contexts.toml; absolute."""
    chosen = _chosen(CONFIG_DIR_VARIABLE, environ)
    if chosen is not None:
        return chosen
    if (usual := _on_linux("XDG_CONFIG_HOME", "~/.config")) is not None:
        return usual
    import platformdirs

    return Path(platformdirs.user_config_dir("llmlb", appauthor=False))


def state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Where the client's credentials and the agent's node token are kept; absolute."""
    chosen = _chosen(STATE_DIR_VARIABLE, environ)
    if chosen is not None:
        return chosen
    if (usual := _on_linux("XDG_STATE_HOME", "~/.local/state")) is not None:
        return usual
    import platformdirs

    return Path(platformdirs.user_state_dir("llmlb", appauthor=False))


def _on_linux(variable: str, default: str) -> Path | None:
    """What platformdirs would say there, where it is plain; importing it costs a short command a tenth of its time."""
    if sys.platform != "linux":
        return None
    base = os.environ.get(variable, "")
    if not base.startswith("/"):
        base = os.path.expanduser(default) if os.environ.get("HOME", "").startswith("/") else ""
    return Path(base) / "llmlb" if base else None


def _chosen(variable: str, environ: Mapping[str, str] | None) -> Path | None:
    text = (os.environ if environ is None else environ).get(variable, "").strip()
    return Path(os.path.abspath(os.path.expanduser(text))) if text else None
