"""The demo as a visitor runs it, on simulated engines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = pytest.mark.system


def start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "llmlb_cli", "demo", "--engine", "sim"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_demo_tells_its_story_and_succeeds() -> None:
    with start() as demo:
        told, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, told
    for words in ("Pending", "approved, Online", "SIGKILL", "Offline", "without another approval", "Success: 30/30"):
        assert words in told, told


def test_ctrl_c_leaves_nothing_running() -> None:
    with start() as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "approved" in line:
                break
        children = psutil.Process(demo.pid).children(recursive=True)
        assert children
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)
    assert demo.returncode == 130
    until_s = time.monotonic() + 5
    while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children):
        assert time.monotonic() < until_s
        time.sleep(0.05)
