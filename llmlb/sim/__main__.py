"""``python -m llmlb.sim``: the simulated engine as a program."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal
import sys
from collections.abc import Sequence

from llmlb.errors import ConfigurationError
from llmlb.sim.faults import parse_fault
from llmlb.sim.server import serve
from llmlb.sim.settings import SimSettings

_USAGE_EXIT = 2
_OPTIONS: tuple[tuple[str, type, str], ...] = (
    ("host", str, "address to listen on"),
    ("port", int, "port to listen on; 0 takes a free one"),
    ("slots", int, "requests that run at once"),
    ("prefill_tokens_per_s", float, "speed of reading prompts"),
    ("decode_tokens_per_s", float, "speed of one stream alone"),
    ("batch_cost", float, "share by which each further stream slows a step"),
    ("cache_blocks", int, "blocks of 512 tokens in the KV cache; 0: no prefix cache"),
    ("load_s", float, "seconds to load a cold model"),
    ("max_loaded_models", int, "models that fit in memory; 0: all"),
    ("answer_tokens", int, "mean length of an answer"),
    ("context_tokens", int, "tokens of context"),
    ("embedding_dimensions", int, "length of embedding vectors"),
    ("seed", int, "seed of the text and of random faults"),
    ("keep_alive_s", float, "seconds until an idle connection is closed"),
    ("api_key", str, "key that requests must carry"),
)
_SWITCHES = (
    ("log_heads", "keep request heads for GET /sim/requests"),
    ("early_head", "send a stream's head before its first token"),
    ("accept_any_model", "answer for every model name"),
)


def settings_from(arguments: Sequence[str]) -> SimSettings:
    """The settings that a command line asks for. Raises ConfigurationError; exits with a usage text on a wrong
    option."""
    defaults = SimSettings()
    parser = argparse.ArgumentParser(prog="llmlb sim", description="A simulated engine.")
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help="model to serve; may be repeated")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="SPEC",
        help="kind[:argument][@N|@p=0.1|@after=10s|@model=NAME|@text=MARKER|@path=PREFIX]; may be repeated",
    )
    for name, kind, text in _OPTIONS:
        default = getattr(defaults, name)
        shown = f"{text} (default {default})" if default != "" else text
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default, help=shown)
    for name, text in _SWITCHES:
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true", help=text)
    given = vars(parser.parse_args(arguments))
    models = tuple(given.pop("model")) or defaults.models
    faults = tuple(parse_fault(spec) for spec in given.pop("fault"))
    return dataclasses.replace(defaults, models=models, faults=faults, **given)


async def run_until_signal(settings: SimSettings) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop=stop, ready=_announce)


def main(arguments: Sequence[str]) -> int:
    """Runs the program and returns its exit code."""
    try:
        settings = settings_from(arguments)
    except ConfigurationError as error:
        sys.stderr.write(f"{error.message}\n")
        return _USAGE_EXIT
    try:
        _run(settings)
    except OSError as error:
        sys.stderr.write(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another --port.\n"
        )
        return 1
    return 0


def _run(settings: SimSettings) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(run_until_signal(settings))
    else:
        uvloop.run(run_until_signal(settings))


def _announce(url: str) -> None:
    sys.stdout.write(f"simulated engine on {url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
