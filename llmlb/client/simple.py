"""One blocking call to a router, for commands that must start fast: the standard library alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from llmlb.client.address import QueryValue, RouterAddress, router_address
from llmlb.client.answers import MAX_ANSWER_BYTES, bearer, decode, refusal, unreachable
from llmlb.client.http1 import Answer, BrokenAnswer, exchange
from llmlb.client.sse import Decode, EventParser, ServerEvent
from llmlb.errors import ClientError

DEFAULT_TIMEOUT_S = 10.0

_MAX_LINE_BYTES = 16 * 1024 * 1024


def call(
    method: str,
    url: str,
    path: str,
    *,
    token: str | None = None,
    body: object = None,
    query: Mapping[str, QueryValue | None] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    ca_file: str | None = None,
) -> object:
    """Make one request and return the answer's JSON, None for an empty answer.

    url: the router's.  path: quoted already (``address.segment`` quotes a name).  body: anything JSON can
    say, None for no body.  query: entries of None are left out.  timeout_s: for each wait on the network.
    Raises RouterUnreachable, RouterRefused, and ConfigurationError for an unusable URL, token or CA file.
    """
    address = router_address(url)
    with _exchange(
        address,
        method,
        address.target(path, query),
        token=token,
        body=body,
        headers=headers,
        timeout_s=timeout_s,
        ca_file=ca_file,
    ) as response:
        answer = response.read(MAX_ANSWER_BYTES)
        if len(answer) > MAX_ANSWER_BYTES:
            raise ClientError(f"the answer of {address.url} is above {MAX_ANSWER_BYTES} bytes; is it an llmlb router?")
        return decode(response.status, response.headers, answer, url=address.url)


def lines(
    url: str,
    path: str,
    *,
    token: str | None = None,
    query: Mapping[str, QueryValue | None] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    ca_file: str | None = None,
) -> Iterator[str]:
    """The lines of a streamed answer as they arrive, without their line ends; ends when the router ends it.

    timeout_s: the longest silence, None for no limit.  Raises as ``call`` does, also in the middle.
    """
    address = router_address(url)
    wanted = {"Accept": "text/event-stream", **(headers or {})}
    with _exchange(
        address,
        "GET",
        address.target(path, query),
        token=token,
        body=None,
        headers=wanted,
        timeout_s=timeout_s,
        ca_file=ca_file,
    ) as response:
        if not 200 <= response.status < 300:
            raise refusal(response.status, response.headers, response.read(MAX_ANSWER_BYTES), url=address.url)
        for line in response.lines(_MAX_LINE_BYTES):
            yield line.rstrip(b"\r\n").decode("utf-8", "replace")


def events(
    url: str,
    path: str = "/v0/events",
    *,
    token: str | None = None,
    last_event_id: str = "",
    timeout_s: float | None = None,
    ca_file: str | None = None,
    decode: Decode | None = None,
) -> Iterator[ServerEvent]:
    """The router's event feed, one event at a time; ``last_event_id`` resumes after that event.

    decode: as ``EventParser`` takes it.
    """
    parser = EventParser(decode)
    headers = {"Last-Event-ID": last_event_id} if last_event_id else None
    for line in lines(url, path, token=token, headers=headers, timeout_s=timeout_s, ca_file=ca_file):
        yield from parser.feed(line.encode() + b"\n")


@contextmanager
def _exchange(
    address: RouterAddress,
    method: str,
    target: str,
    *,
    token: str | None,
    body: object,
    headers: Mapping[str, str] | None,
    timeout_s: float | None,
    ca_file: str | None,
) -> Iterator[Answer]:
    """Send one request and hold its answer open; every failure of the network becomes RouterUnreachable."""
    fields = {"Accept": "application/json", **(headers or {})}
    if token:
        fields["Authorization"] = bearer(token)
    payload = None if body is None else json.dumps(body, allow_nan=False).encode()
    if payload is not None:
        fields["Content-Type"] = "application/json"
    try:
        with exchange(
            address, method, target, headers=fields, body=payload, timeout_s=timeout_s, ca_file=ca_file
        ) as response:
            yield response
    except (OSError, BrokenAnswer) as error:
        raise unreachable(address.url, error, timeout_s=timeout_s) from error
