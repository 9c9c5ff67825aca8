"""From any error to what the person at the terminal is told: cause, next step, exit code."""

from __future__ import annotations

from llmlb.errors import (
    ConfigurationError,
    LlmlbError,
    RouterRefused,
    RouterUnreachable,
    StoreError,
)
from llmlb_cli.exits import ExitCode, Failure

_EXIT_OF_STATUS = {
    400: ExitCode.USAGE,
    401: ExitCode.NOT_LOGGED_IN,
    403: ExitCode.FORBIDDEN,
    404: ExitCode.NOT_FOUND,
    409: ExitCode.CONFLICT,
    412: ExitCode.CONFLICT,
    422: ExitCode.USAGE,
}
# What answers there is no router: for the person asking, the router could not be reached.
_NOT_A_ROUTER = ("not_a_router", "not_a_list", "redirect")

_HINTS = {
    ExitCode.UNREACHABLE: "is it running there?  llmlb serve   |   another address: --url URL or LLMLB_URL",
    ExitCode.NOT_LOGGED_IN: "llmlb login   |   or set LLMLB_TOKEN to an admin key",
    ExitCode.FORBIDDEN: "an admin may: llmlb login --username ADMIN",
    ExitCode.CONFLICT: "look at it again, then repeat the command",
}


def failure_of(error: Exception, *, context: str = "") -> Failure:
    """The failure that tells of this error. context: which router was asked, and why that one."""
    match error:
        case Failure():
            return error
        case RouterRefused():
            return _refused(error, context=context)
        case RouterUnreachable():
            hint = _HINTS[ExitCode.UNREACHABLE]
            return Failure(error.message, exit_code=ExitCode.UNREACHABLE, hint=hint, context=context)
        case ConfigurationError():
            first, *rest = error.message.splitlines()
            return Failure(first, exit_code=ExitCode.USAGE, code="configuration", details=rest)
        case StoreError():
            return Failure(error.message, code="store", hint="is a router using it, and is there space on the disk?")
        case LlmlbError():
            return Failure(error.message, context=context)
        case _:
            from llmlb_cli.crash import failure_of_crash

            return failure_of_crash(error)


def _refused(error: RouterRefused, *, context: str) -> Failure:
    exit_code = _EXIT_OF_STATUS.get(error.status, ExitCode.FAILURE)
    if error.code in _NOT_A_ROUTER:
        exit_code = ExitCode.UNREACHABLE
    return Failure(
        error.message,
        exit_code=exit_code,
        hint=_HINTS.get(exit_code, ""),
        context=context,
        code=error.code,
        request_id=error.request_id if error.status >= 500 else "",
    )
