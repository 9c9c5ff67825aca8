"""The load test's own process: a terminal that stands still must not slow down the load."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from llmlb_tui.model.loadtest import LoadTest, Stage
from llmlb_tui.model.text import clean

MAX_LINE_BYTES = 8 * 1024 * 1024
END_GRACE_S = 3.0


def command_line(test: LoadTest, url: str) -> list[str]:
    """The process to start. The credential travels in the environment, which ``ps`` does not show."""
    return [
        sys.executable, "-m", "llmlb_cli", "loadtest", *test.wanted.arguments(),
        "--output=ndjson", "--no-tui", f"--url={url}",
    ]  # fmt: skip


NOT_PASSED_ON = ("LLMLB_CONTEXT", "LLMLB_OUTPUT", "LLMLB_TOKEN", "LLMLB_CA_FILE")


def environment(base: Mapping[str, str], *, token: str | None, ca_file: str, is_home: bool) -> dict[str, str]:
    """What the process finds around it: this console's router and credential, nobody else's.

    is_home: it is the router that the console was started for, to which a key in the environment belongs.
    """
    dropped = NOT_PASSED_ON if is_home else (*NOT_PASSED_ON, "LLMLB_API_KEY")
    kept = {name: value for name, value in base.items() if name not in dropped}
    if token:
        kept["LLMLB_TOKEN"] = token
    if ca_file:
        kept["LLMLB_CA_FILE"] = ca_file
    return kept


async def run_load_test(test: LoadTest, command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run the process and put what it says into ``test``; ends it when cancelled."""
    test.stage = Stage.STARTING
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environ),
        limit=MAX_LINE_BYTES,
        # A Ctrl-C of the terminal is the console's; the test is stopped by its own key.
        start_new_session=os.name == "posix",
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        await asyncio.gather(_read_progress(test, process.stdout, process), _read_words(test, process.stderr))
        test.ended(await process.wait())
    finally:
        await _end(process)


async def _read_progress(test: LoadTest, stream: asyncio.StreamReader, process: asyncio.subprocess.Process) -> None:
    while line := await _line(stream):
        if test.stage is Stage.STOPPING:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            test.stage = Stage.RUNNING
        with contextlib.suppress(ValueError, RecursionError):
            test.apply(json.loads(line))


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line; one that is too long is left out."""
    while True:
        try:
            return await stream.readline()
        except ValueError:
            continue


async def _read_words(test: LoadTest, stream: asyncio.StreamReader) -> None:
    while line := await _line(stream):
        said = clean(line.decode("utf-8", "replace"))
        if said:
            test.said.append(said)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing stays behind: asked to stop, and killed where it does not."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(END_GRACE_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
