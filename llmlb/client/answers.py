"""What a router's answer means: its JSON, or the error to raise; both clients say the same."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from llmlb.errors import ConfigurationError, RouterRefused, RouterUnreachable

if TYPE_CHECKING:
    import ssl

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""More than any list of 1,000 nodes; a stranger behind the URL cannot fill the memory."""

_MAX_MESSAGE_CHARS = 2_000

_NETWORK_CAUSES = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EMFILE: "this process has too many open files",
}


def decode(status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> object:
    """The answer's JSON, None for an empty one; raises RouterRefused for everything that is not a success.

    headers: looked up with lower-case names.  url: the router's, for messages.
    """
    if not 200 <= status < 300:
        raise refusal(status, headers, body, url=url)
    if not body.strip():
        return None
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RouterRefused(
            f"what answers at {url} does not speak JSON; is it an llmlb router?",
            status=status,
            code="not_a_router",
            request_id=headers.get("x-llmlb-request-id", ""),
        ) from error
    return value


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> RouterRefused:
    """The error for an answer that is not a success, in the router's words where it gave any."""
    request_id = printable(headers.get("x-llmlb-request-id", ""))
    if 300 <= status < 400:
        place = printable(headers.get("location", "")) or "somewhere else"
        message = f"{url} redirects to {place}; redirects are not followed with a credential, so name that address"
        return RouterRefused(message, status=status, code="redirect", request_id=request_id)
    error = _error_object(body)
    message = _text(error, "message") or f"{url} answered {status} without a reason; is it an llmlb router?"
    code = _text(error, "code") or _text(error, "type") or f"http_{status}"
    return RouterRefused(message, status=status, code=code, request_id=request_id)


def unreachable(url: str, cause: BaseException, *, timeout_s: float | None = None) -> RouterUnreachable:
    """The error for a router that did not answer, with the cause in a person's words."""
    return RouterUnreachable(f"cannot reach the router at {url} ({cause_text(cause, timeout_s=timeout_s)})")


def cause_text(cause: BaseException, *, timeout_s: float | None = None) -> str:
    """Why a connection failed, found anywhere in the chain of causes; never a Python class name."""
    import ssl  # late, here and below: most routers are asked without it

    chain = list(_chain(cause))
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {link.verify_message}; name its CA with --ca-file"
        if isinstance(link, ssl.SSLError):
            return "TLS failed; is it http:// instead of https://?"
        if isinstance(link, socket.gaierror):
            return "host name not found"
    for link in chain:
        if isinstance(link, OSError) and link.errno in _NETWORK_CAUSES:
            return _NETWORK_CAUSES[link.errno]
    if any(isinstance(link, TimeoutError) or "Timeout" in type(link).__name__ for link in chain):
        return f"no answer within {timeout_s:g} s" if timeout_s is not None else "no answer in time"
    return printable(str(cause)) or "the connection broke"


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Verification against the system's authorities, or against ``ca_file`` alone where one is given."""
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        reason = "it is not PEM" if isinstance(error, ssl.SSLError) else error.strerror or "unreadable"
        raise ConfigurationError(f"the CA file {ca_file} cannot be used: {reason}") from error


def bearer(token: str) -> str:
    """The value of ``Authorization``; raises ConfigurationError for a token that cannot stand in a header.

    The error never repeats the token.
    """
    text = token.strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError("the credential holds spaces or control characters; was it copied whole?")
    return f"Bearer {text}"


def printable(text: str) -> str:
    """Text from elsewhere, cut to a readable length and without anything that moves a terminal's cursor."""
    clipped = text[:_MAX_MESSAGE_CHARS]
    return "".join(character if character.isprintable() else " " for character in clipped).strip()


def _error_object(body: bytes) -> Mapping[str, object]:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {}


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    return printable(value) if isinstance(value, str) else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it; exception groups are what a connect to several addresses raises."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        waiting.extend(cause for cause in (link.__cause__, link.__context__) if cause is not None)
