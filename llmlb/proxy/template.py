"""What a data-plane request's head means to us, and how the request to the node is written."""

from __future__ import annotations

from dataclasses import dataclass

from llmlb.core.choice import Endpoint

ENDPOINTS = {endpoint.value.encode(): endpoint for endpoint in Endpoint}

_FORWARDED = frozenset({b"content-type", b"accept", b"user-agent", b"x-request-id", b"traceparent"})
_FORWARDED_PREFIXES = (b"anthropic-", b"openai-")

Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """A head, digested once and used for every request that repeats it.

    credential: the raw value that says who is calling.  pin, policy: what an admin's key may ask for.
    forwarded: the client's header lines that go to the node, each ended by CRLF.  forwarded_for: for whom proxies say
    that they ask, the nearest last.
    """

    endpoint: Endpoint
    path: str
    path_bytes: bytes
    credential: bytes
    content_encoding: bytes
    client_request_id: str
    pin: str
    policy: str
    forwarded: bytes
    forwarded_for: str = ""

    def render(self, prefix: bytes, fixed_head: bytes, body: bytes) -> bytes:
        """The request to a node, from scratch: nothing of the client's framing or credentials is in it."""
        return b"POST %b%b HTTP/1.1\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
            prefix,
            self.path_bytes,
            fixed_head,
            self.forwarded,
            len(body),
            body,
        )


def digest(endpoint: Endpoint, fields: Fields) -> RequestTemplate:
    """Read the fields of a data-plane request. Names are lower case."""
    named = dict(reversed(fields))
    forwarded = [
        b"%b: %b\r\n" % (name, value)
        for name, value in fields
        if name in _FORWARDED or name.startswith(_FORWARDED_PREFIXES)
    ]
    return RequestTemplate(
        endpoint=endpoint,
        path=endpoint.value,
        path_bytes=endpoint.value.encode(),
        credential=named.get(b"authorization") or named.get(b"x-api-key") or b"",
        content_encoding=named.get(b"content-encoding", b"identity").lower(),
        client_request_id=_text(named.get(b"x-request-id")),
        pin=_text(named.get(b"x-llmlb-pin")),
        policy=_text(named.get(b"x-llmlb-policy")),
        forwarded=b"".join(forwarded),
        forwarded_for=b",".join(value for name, value in fields if name == b"x-forwarded-for").decode("latin-1"),
    )


def _text(value: bytes | None) -> str:
    return "" if value is None else "".join(char for char in value[:128].decode("latin-1") if char.isprintable())
