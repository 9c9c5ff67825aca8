"""One real engine: llama.cpp's own HTTP server from the ``xllamacpp`` package, as a process.

``python -m llmlb.demo.engine --model FILE.gguf --port 8081`` serves the OpenAI API on the CPU until SIGTERM or
SIGINT. The server listens (and answers 503 "Loading model") before the model is in memory.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MISSING_ENGINE_EXIT = 69
"""Exit code when the engine package is not installed (EX_UNAVAILABLE of sysexits)."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What to serve and with how much of this machine.

    context: tokens of one request; the server reserves it for each slot.  port: 0 lets the system choose one.
    """

    model: Path
    alias: str
    host: str = "127.0.0.1"
    port: int = 0
    slots: int = 4
    context: int = 2048
    threads: int = 1
    embeddings: bool = False


def serve(settings: EngineSettings) -> int:
    """Serves until a signal arrives. Returns the exit code."""
    try:
        import xllamacpp
    except ImportError:
        sys.stderr.write("The engine is not installed. Install it with: pip install 'llmlb[engines]'\n")
        return MISSING_ENGINE_EXIT
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(settings.model)
    parameters.model_alias = {settings.alias}
    parameters.hostnames = [settings.host]
    parameters.port = settings.port
    parameters.n_parallel = settings.slots
    parameters.n_ctx = settings.context * settings.slots
    parameters.cpuparams.n_threads = settings.threads
    parameters.cpuparams_batch.n_threads = settings.threads
    parameters.endpoint_metrics = True
    parameters.endpoint_slots = True
    if settings.embeddings:
        parameters.embedding = True
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"listening on {server.listening_address}\n")
    sys.stdout.flush()
    stop.wait()
    del server
    return 0


def settings_from(arguments: Sequence[str]) -> EngineSettings:
    """The settings that a command line asks for. Exits with a usage text when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m llmlb.demo.engine", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="GGUF file")
    parser.add_argument("--alias", help="name under which it is served (default: the file's name)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--parallel", type=int, default=4, help="slots: requests that run at once")
    parser.add_argument("--ctx", type=int, default=2048, help="tokens of context for each slot")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--embeddings", action="store_true", help="serve embeddings")
    given = parser.parse_args(arguments)
    if not given.model.is_file():
        parser.error(f"there is no model file {given.model}")
    return EngineSettings(
        model=given.model,
        alias=given.alias or given.model.stem,
        host=given.host,
        port=given.port,
        slots=given.parallel,
        context=given.ctx,
        threads=given.threads,
        embeddings=given.embeddings,
    )


if __name__ == "__main__":
    sys.exit(serve(settings_from(sys.argv[1:])))
