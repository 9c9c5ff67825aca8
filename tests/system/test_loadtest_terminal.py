"""The load test behind a terminal that stands still."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from system.test_loadtest_clock import scripted

pytestmark = pytest.mark.system


def test_a_terminal_that_stands_still_slows_nothing_down(tmp_path: Path) -> None:
    own = {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    own |= {f"LLMLB_{name}_DIR": str(tmp_path / name) for name in ("DATA", "STATE", "CONFIG")}
    environ = {name: text for name, text in os.environ.items() if not name.startswith("LLMLB_")} | own
    leader, follower = pty.openpty()
    with scripted("firehose", "0", "8", "4000", "4") as server:
        line = ["-r", "100", "-d", "4s", "--arrivals", "constant", "--fail-if", "errors>0", "-o", "json"]
        with subprocess.Popen(
            [sys.executable, "-m", "llmlb_cli", "loadtest", "--url", server.url, *line],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=follower,
            start_new_session=True,
        ) as process:
            out, _ = process.communicate(timeout=60)
    os.close(follower)
    os.close(leader)
    told = json.loads(out)
    assert told["totals"]["ok"] == 400
    assert told["rates"]["window_s"] < 5
    assert process.returncode in (0, 11), "another process may hold the machine, the terminal may not"
