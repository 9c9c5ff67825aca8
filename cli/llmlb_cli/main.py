"""The entry points: from the words of a command line to an exit code."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from llmlb import __version__
from llmlb_cli.exits import ExitCode, Failure, interrupted, report, usage, wants_json
from llmlb_cli.output import write


def run() -> int:
    """``llmlb``: the exit code of this process's command line."""
    _start_fast()
    if sys.argv[1:2] == ["__complete"]:
        from llmlb_cli.completing import end_in_time

        end_in_time(sys.argv[2:])
    return main(sys.argv[1:])


def run_agent() -> int:
    """``xllm``: the same program as ``llmlb agent``."""
    _start_fast()
    return main(["agent", *sys.argv[1:]])


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; whatever happens, nobody sees a traceback."""
    words = list(arguments)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    try:
        return _front(words)
    except Failure as failure:
        return report(failure, as_json=wants_json(words))
    except KeyboardInterrupt:
        return interrupted()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else ExitCode.FAILURE
    except Exception as error:  # noqa: BLE001  # the last resort of the program
        from llmlb_cli.failures import failure_of

        return report(failure_of(error), as_json=wants_json(words))


def _start_fast() -> None:
    """Imports make much that lives and little that dies: collecting meanwhile costs a tenth of a short command.

    ``LeafCommand.invoke`` and ``plain_read`` switch it on again before the command does anything.
    """
    gc.disable()


def _front(words: Sequence[str]) -> int:
    """Answer what needs no command, and therefore not even Typer; everything else is dispatched."""
    if words[:1] == ["__complete"]:
        from llmlb_cli.completing import answer

        write(answer(words[1:]))
        return ExitCode.OK
    if words == [] or words[-1] in ("--help", "-h"):
        from llmlb_cli.pages import table_page

        if page := table_page(words[:-1]):
            write(page)
            return ExitCode.OK
    if words in (["--version"], ["-V"]):
        write(f"llmlb {__version__}\n")
        return ExitCode.OK
    from llmlb_cli.plain import plain_read

    _end_on_sigterm()
    if (read := plain_read(words)) is not None:
        return _exit_code(read())
    return _dispatched(words)


def _dispatched(words: Sequence[str]) -> int:
    import typer

    from llmlb_cli.groups import root
    from llmlb_cli.tree import path_in

    command = root()
    try:
        with command.make_context("llmlb", list(words)) as context:
            result = command.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.TyperException as error:
        # Most of Click's errors know where they happened; a missing value and Typer's other ones do not.
        asked_at = getattr(error, "ctx", None)
        path = path_in(words) if asked_at is None else asked_at.command_path
        raise usage(error.format_message().rstrip("."), hint=f"{path} --help") from error
    return _exit_code(result)


def _exit_code(result: object) -> int:
    return result if isinstance(result, int) else ExitCode.OK


def _end_on_sigterm() -> None:
    """Let ``finally`` run when the command is told to stop: a prompt has switched the terminal's echo off."""
    import signal

    def leave(number: int, frame: object) -> None:
        raise SystemExit(int(ExitCode.TERMINATED))

    try:
        signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not the main thread: whoever runs us there owns the signals
        return
