"""llmlb version"""

from __future__ import annotations

import json

from cli.command_line import Run

from llmlb import __version__


def test_people_get_a_line_and_machines_the_system_too(run: Run) -> None:
    assert run("version") == (0, f"llmlb {__version__}\n", "")
    item = json.loads(run("version", "-o", "json").out)["item"]
    assert set(item) == {"version", "python", "system", "machine"}
