"""Draw the pictures of the console anew: the real program, on a real router with simulated nodes.

    python docs/pictures/draw.py [NAME ...]

Three nodes are real simulated engines, which answer the load test; the others send heartbeats and serve models that
nobody asks for. Everything runs on 127.0.0.1 and ends with this script. Fonts come from wherever a picture is looked
at. Where ``rsvg-convert`` is installed, the first picture is also written as PNG.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from textual.pilot import Pilot

from llmlb.client.control import ControlClient
from llmlb_tui import ConsoleOptions
from llmlb_tui.app import ConsoleApp
from llmlb_tui.preferences import Preferences
from llmlb_tui.start import make_desk
from llmlb_tui.terminal import prepare_environment
from llmlb_tui.themes import PALETTES

FOLDER = Path(__file__).parent
MODELS = ("llama-3.3-70b", "qwen3-32b", "bge-m3")
NODES = 34
SIMULATED = 3
BEATS = 12
CELL = 12.2
"""The width of a cell in Rich's pictures."""

Run = Callable[[ConsoleApp, Pilot[Any]], Awaitable[None]]


# The fleet


class Fleet:
    """A router's nodes: registered, approved for the greater part, and beating once a second."""

    def __init__(self, url: str, token: str, engines: list[str]) -> None:
        self.rng = random.Random(11)
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=10)
        self._operator = {"authorization": f"Bearer {token}"}
        self._engines = engines
        self._tokens: dict[str, str] = {}
        self._usage: dict[str, float] = {}
        self._active: dict[str, int] = {}
        self._done = threading.Event()

    def join(self) -> None:
        for number in range(NODES):
            self._register(number)
        for name in list(self._tokens)[:-2]:
            self._post(f"/v0/nodes/{name}/approve")
        for _ in range(BEATS):
            self._beat()
            time.sleep(1.0)
        self._post(f"/v0/nodes/{self._name(9)}/drain")
        self._send(self._name(17), leaving=True)
        self._tokens.pop(self._name(17))

    @staticmethod
    def _name(number: int) -> str:
        return f"gpu-{'abc'[number % 3]}-{number:03d}"

    def _register(self, number: int) -> None:
        name = self._name(number)
        is_real = number < len(self._engines)
        models = ["llama-3.2-1b"] if is_real else [MODELS[number % 3]]
        answer = self._http.post("/v0/nodes", json={
            "url": self._engines[number] if is_real else f"http://127.0.0.1:{21000 + number}",
            "node_id": name, "machine_name": f"rack-{number // 4}", "heartbeat_secs": 10, "loaded_models": models,
            "gpus": [{"model": "H100 SXM", "vram_total_mb": 81559}], "max_concurrency": 16, "capability_score": 8000,
        })  # fmt: skip
        answer.raise_for_status()
        self._tokens[name] = answer.json()["node_token"]
        self._usage[name] = self.rng.uniform(20, 75)
        self._active[name] = 0 if is_real or number >= NODES - 2 else self.rng.randrange(0, 9)

    def _post(self, path: str) -> None:
        self._http.post(path, headers=self._operator).raise_for_status()

    def _send(self, name: str, *, leaving: bool = False) -> None:
        usage = self._usage[name] = min(79.0, max(3.0, self._usage[name] + self.rng.uniform(-9, 9)))
        if name == self._name(6):
            usage += 19.0
        share = 30.0 + self._usage[name] / 2
        figures = {"usage": round(usage, 1), "vram_usage": round(share, 1), "temperature": round(40 + usage * 0.4),
                   "vram_used_mb": int(815 * share), "vram_total_mb": 81559}  # fmt: skip
        self._http.post("/v0/health", headers={"x-node-token": self._tokens[name]}, json={
            "node_id": name, "gpu_metrics": figures, "active_requests": self._active[name], "leaving": leaving,
            "system_metrics": {"cpu_usage": round(usage / 3, 1), "memory_usage": 41.5},
        }).raise_for_status()  # fmt: skip

    def _beat(self) -> None:
        for name in list(self._tokens):
            self._send(name)

    def beat_on(self) -> threading.Thread:
        """Beat once a second until ``stop``."""

        def work() -> None:
            while not self._done.wait(1.0):
                self._beat()

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def stir(self) -> None:
        """Let something happen while a console looks on."""
        for verb in ("undrain", "drain"):
            self._post(f"/v0/nodes/{self._name(9)}/{verb}")

    def stop(self) -> None:
        self._done.set()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[None]:
    """One ``llmlb`` process, ended at the end."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "llmlb_cli", *arguments], stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str, path: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(url + path, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")


# The pictures


async def fleet(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    await press(app, pilot, "down", "down", "down")


async def wide(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    await press(app, pilot, "down", "down", "down", "down", "down")


async def thresholds(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    await press(app, pilot, "T", "6", "0")


async def approve(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    await press(app, pilot, "slash", *"state:pending", "enter", "asterisk", "a")


async def node(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    await press(app, pilot, "slash", *"b-001", "enter", "enter")


async def loadtest(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    """Half-way through: 300 requests, 20 a second, and two gates."""
    await press(app, pilot, "L", "e", "end", "0", *["tab"] * 3, *"20", "tab", *"llama-3.2-1b")
    await press(app, pilot, *["tab"] * 3, *"p90_ttft>1s errors>0", "enter", "enter", "enter")
    for _ in range(400):
        await asyncio.sleep(0.1)
        test = app.load_test
        if not test.is_running or (test.share_done >= 0.5 and all(gate.passed is not None for gate in test.gates)):
            break
    await settle(app, pilot)


PICTURES: dict[str, tuple[Run, tuple[int, int]]] = {
    "loadtest": (loadtest, (100, 28)),  # first: the others show the traffic that it leaves behind
    "fleet": (fleet, (120, 32)),
    "wide": (wide, (200, 44)),
    "thresholds": (thresholds, (100, 32)),
    "approve": (approve, (100, 26)),
    "node": (node, (110, 38)),
}


async def press(app: ConsoleApp, pilot: Pilot[Any], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await settle(app, pilot)


async def settle(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    """Let answers come and be drawn."""
    await pilot.pause(1.5)
    app.desk.flash = None
    app.tick()
    await pilot.pause()


def draw(name: str, url: str, token: str, nodes: Fleet) -> str:
    """Run the console once and take its picture."""
    run, size = PICTURES[name]
    desk = make_desk(ConsoleOptions(url, token=token), Preferences(None), None)
    app = ConsoleApp(desk, palette=PALETTES["dark"], make_client=lambda: ControlClient(url, token=token))

    async def whole() -> str:
        async with app.run_test(size=size) as pilot:
            await settle(app, pilot)
            nodes.stir()
            await run(app, pilot)
            return app.export_screenshot(title="llmlb top")

    return portable(asyncio.run(whole()))


_FONTS = re.compile(r"\s*@font-face \{[^}]*\}|<!--.*?-->", re.DOTALL)
_IDS = re.compile(r"terminal-\d+")
_TEXT = re.compile(r'(<text class="[^"]*" x=")([\d.]+)(" y="[\d.]+" textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)')


def portable(picture: str) -> str:
    """Without fonts from elsewhere, and with no text that begins with blanks: some drawing programs drop those."""

    def shifted(found: re.Match[str]) -> str:
        head, x, middle, length, tail, blanks = found.groups()
        moved = len(blanks) // len("&#160;") * CELL
        return f"{head}{float(x) + moved:g}{middle}{max(0.0, float(length) - moved):g}{tail}"

    lines = _IDS.sub("terminal", _FONTS.sub("", picture)).splitlines()
    return "\n".join(_TEXT.sub(shifted, line).rstrip() for line in lines) + "\n"


def main() -> int:
    names = sys.argv[1:] or list(PICTURES)
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        os.environ.pop(name, None)
    prepare_environment(os.environ, colourless=False)
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        os.environ |= {f"LLMLB_{name}_DIR": str(folder / name) for name in ("DATA", "STATE", "CONFIG")}
        ports = [free_port() for _ in range(SIMULATED)]
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        sims = [
            running(folder, "sim", "--port", str(each), "--model", "llama-3.2-1b", "--decode-tokens-per-s", "60")
            for each in ports
        ]
        with sims[0], sims[1], sims[2], running(folder, "serve", "--port", str(port)):
            wait_for(url, "/health/ready")
            token = (folder / "DATA" / "operator_token").read_text().strip()
            nodes = Fleet(url, token, [f"http://127.0.0.1:{each}" for each in ports])
            nodes.join()
            beating = nodes.beat_on()
            try:
                for name in names:
                    (FOLDER / f"{name}.svg").write_text(draw(name, url, token, nodes))
            finally:
                nodes.stop()
                beating.join()
    converter = shutil.which("rsvg-convert")
    if converter is not None and "fleet" in names:
        drawn = [str(FOLDER / "fleet.svg"), "-o", str(FOLDER / "fleet.png")]
        subprocess.run([converter, "-w", "1400", *drawn], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
