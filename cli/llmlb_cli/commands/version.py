"""llmlb version"""

from __future__ import annotations

import platform
import sys

import typer

from llmlb import __version__
from llmlb_cli.options import options_of
from llmlb_cli.output import line, show_object


def version(ctx: typer.Context) -> None:
    """Show the version of llmlb, and with -o json that of Python and the system.

    Examples:
      llmlb version
      llmlb version -o json
      llmlb version -o json | jq -r .item.python
    """
    view = options_of(ctx).view
    if view.is_human:
        line(f"llmlb {__version__}")
        return
    python = ".".join(str(part) for part in sys.version_info[:3])
    item = {"version": __version__, "python": python, "system": platform.system(), "machine": platform.machine()}
    show_object("Version", item, view, name="version")
