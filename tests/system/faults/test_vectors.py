"""Requests that mean two things to two parsers, and bodies meant to break one. The judge is what a node received."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator

import pytest
from fakes.fault_client import ANSWERED, Asker
from fakes.fault_site import FaultRouter, FaultSite, Row

pytestmark = pytest.mark.system

MARK = "smuggled"
HOST = b"Host: llmlb.example\r\n"


def smuggled(asker: Asker) -> bytes:
    """The request that must not reach a node behind another one's back."""
    payload = json.dumps({"model": asker.model, "messages": [], "tag": MARK}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {asker.key}\r\n"
    return f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload


def heads(asker: Asker, inner: bytes) -> dict[str, bytes]:
    """Requests by name. Each hides another one where a careless parser would take it for the next."""
    line = b"POST /v1/chat/completions HTTP/1.1\r\n"
    auth = f"Authorization: Bearer {asker.key}\r\nContent-Type: application/json\r\n".encode()
    start = line + HOST + auth
    chunks = b"0\r\n\r\n" + inner
    lengths = [b"+5", b"0x5", b"5_0", b"-1234", b"-" + b"9" * 26, b"5, 6", b"", b"5 5", b"\xb25"]
    codings = [b"xchunked", b"chunked, identity", b"identity", b"chunked\x00", b"x, chunked", b'"chunked"']
    hosts = [b"a/b?c", b"a/health?x=", b"a?", b"foo/health#", b"a b"]
    sizes = [b"0x5", b"+5", b"5 5", b"-1", b"5_0", b"0" * 17 + b"5", b"f" * 20, b""]
    vectors = {
        "length and chunks": start + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
        "chunks and length": start + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunks,
        "two lengths": start + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345" + inner,
        "chunks twice": start + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
        "blank before the colon": start + b"Transfer-Encoding : chunked\r\n\r\n" + chunks,
        "length, blank before the colon": start + b"Content-Length : 5\r\n\r\n12345" + inner,
        "vertical tab": start + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + chunks,
        "chunks in HTTP/1.0": start.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + chunks,
        "folded": start + b"X-A: b\r\n Content-Length: 5\r\n\r\n12345" + inner,
        "bare CR in a value": start + b"X-A: b\rContent-Length: 5\r\n\r\n" + inner,
        "bare LF in a value": start + b"X-A: b\nContent-Length: 5\r\n\r\n" + inner,
        "NUL in a value": start + b"X-A: b\x00\r\nContent-Length: 0\r\n\r\n" + inner,
        "two hosts": start + HOST + b"Content-Length: 0\r\n\r\n" + inner,
        "no host": line + auth + b"Content-Length: 0\r\n\r\n" + inner,
        "a break in the target": b"POST /v1/chat/completions\r\nX: y HTTP/1.1\r\n" + HOST + auth + b"\r\n" + inner,
        "lines end in LF": (start + b"Content-Length: 5\r\n\r\n").replace(b"\r\n", b"\n") + b"12345" + inner,
        "HTTP/9.9": start.replace(b"HTTP/1.1", b"HTTP/9.9") + b"Content-Length: 0\r\n\r\n" + inner,
        "a name with a blank": start + b"X A: b\r\nContent-Length: 0\r\n\r\n" + inner,
    }
    vectors |= {f"length {value!r}": start + b"Content-Length: %b\r\n\r\n12345" % value + inner for value in lengths}
    vectors |= {f"coding {value!r}": start + b"Transfer-Encoding: %b\r\n\r\n" % value + chunks for value in codings}
    vectors |= {
        f"host {value!r}": line + b"Host: %b\r\n" % value + auth + b"Content-Length: 0\r\n\r\n" + inner
        for value in hosts
    }
    chunked = start + b"Transfer-Encoding: chunked\r\n\r\n"
    vectors |= {f"chunk size {value!r}": chunked + b"%b\r\n12345\r\n" % value + chunks for value in sizes}
    return vectors | {
        "chunk size ended by LF": chunked + b"5\n12345\r\n" + chunks,
        "LF in a chunk extension": chunked + b"5;a\nb\r\n12345\r\n" + chunks,
        "other bytes after a chunk": chunked + b"5\r\n12345xx" + chunks,
        "a bad trailer": chunked + b"5\r\n12345\r\n0\r\nno colon\r\n\r\n" + inner,
    }


def reached(row: Row) -> list[str]:
    return [request["head"] + request["body"] for node in row.nodes.values() for request in node.requests()]


@pytest.fixture(scope="module")
def asgi_site(site: FaultSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSite]:
    """The same nodes behind a router that sends everything through ASGI."""
    config = "[server]\nfast_path = false\n" + site.router.config
    with FaultRouter(tmp_path_factory.mktemp("asgi"), config=config) as router:
        other = FaultSite(router, site.nodes)
        other.baseline_tasks = router.picture()["tasks"]
        yield other


@pytest.mark.parametrize("path", ["direct", "asgi"])
def test_no_request_reaches_a_node_behind_another_ones_back(path: str, request: pytest.FixtureRequest) -> None:
    site: FaultSite = request.getfixturevalue("site" if path == "direct" else "asgi_site")
    with site.row(f"smuggling, {path}", nodes="ab", rss_percent=20.0, counted=False) as row:
        asker = row.asker()
        vectors = heads(asker, smuggled(asker))

        async def scenario() -> dict[str, bytes]:
            answers = await asyncio.gather(*(asker.raw(data, timeout_s=2.5) for data in vectors.values()))
            return dict(zip(vectors, answers, strict=True))

        for name, answer in asyncio.run(scenario()).items():
            assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 501"), f"{name}: {answer[:200]!r}"
            assert answer.count(b"HTTP/1.1 ") == 1, f"{name}: answered twice"
        assert reached(row) == []
        row.tally.note = f"{len(vectors)} vectors, none reached a node"


def test_what_a_node_gets_is_written_by_the_router_alone(site: FaultSite) -> None:
    with site.row("hygiene", nodes="a", counted=False) as row:
        asker = row.asker()
        payload = json.dumps({"model": row.model, "messages": [], "unknown": 1}).encode()
        head = (
            f"POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {asker.key}\r\n"
            "Cookie: a=b\r\nX-Node-Token: nt_x\r\nConnection: close, X-Private\r\nX-Private: 1\r\nTE: trailers\r\n"
            "X-Forwarded-For: 1.2.3.4\r\nContent-Type: application/json\r\nX-Request-Id: mine\r\n"
            f"Proxy-Authorization: x\r\nContent-Length: {len(payload)}\r\n\r\n"
        )
        answer = asyncio.run(asker.raw(head.encode() + payload))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"set-cookie" not in answer.lower()
        text = row.nodes["a"].requests()[0]["head"]
        assert text.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
        names = {line.partition(":")[0].lower() for line in text.split("\r\n")[1:-2]}
        assert names == {"host", "accept-encoding", "content-type", "x-request-id", "content-length"}
        assert asker.key not in text
        assert row.nodes["a"].requests()[0]["body"].encode() == payload


def test_pipelined_requests_are_answered_in_order_and_once(site: FaultSite) -> None:
    with site.row("pipelining", nodes="a", counted=False) as row:
        asker = row.asker()
        asks = [asker.request(stream=False, words=words, play=None, extra={}) for words in range(1, 41)]
        asks[-1] = asks[-1].replace(b"\r\nAuth", b"\r\nConnection: close\r\nAuth", 1)
        answer = asyncio.run(asker.raw(b"".join(asks), timeout_s=5.0))
        counts = [int(count) for count in re.findall(rb'"completion_tokens": (\d+)', answer)]
        assert counts == list(range(1, 41))
        assert len(row.nodes["a"].requests()) == 40


def bodies(model: str) -> dict[str, bytes]:
    named = json.dumps({"model": model, "messages": []})[:-1].encode()
    return {
        "truncated": b'{"model":',
        "empty": b"",
        "no object": b"[]",
        "bad UTF-8": b'{"model":"\xff"}',
        "bad UTF-8 elsewhere": named + b',"x":"\xff"}',
        "deep lists": b"[" * 100_000 + b"]" * 100_000,
        "deep lists inside": named + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "deep objects": b'{"a":' * 50_000,
        "a 5,000 digit number": named + b',"x":' + b"9" * 5000 + b"}",
        "NaN": named + b',"x":NaN}',
        "Infinity": named + b',"x":-Infinity}',
        "half a surrogate pair": named + b',"x":"\\ud800"}',
        "two models": named + b',"model":"other"}',
        "a number for a model": b'{"model":7}',
        "null for a model": b'{"model":null}',
        "an object for a model": b'{"model":{}}',
        "no model": b'{"messages":[]}',
        "a megabyte of model": b'{"model":"' + b"m" * 1_000_000 + b'"}',
        "line breaks in a model": b'{"model":"a\\r\\nX-Evil: 1"}',
        "a text for stream": named + b',"stream":"false"}',
        "bytes after the end": named + b"} {}",
    }


@pytest.mark.parametrize("chunked", [False, True], ids=["direct", "asgi"])
def test_f31_a_hostile_body_is_400_at_once_and_reaches_nobody(site: FaultSite, chunked: bool) -> None:
    path = "asgi" if chunked else "direct"
    with site.row(f"F31 hostile bodies, {path}", nodes="ab", rss_percent=25.0, counted=False) as row:
        asker = row.asker(chunked=chunked)

        async def scenario() -> dict[str, tuple[bytes, float]]:
            found = {}
            for name, body in bodies(row.model).items():
                started_s = time.monotonic()
                reader, writer = await asyncio.open_connection("127.0.0.1", asker.port)
                writer.write(asker.framed(body))
                async with asyncio.timeout(5):
                    found[name] = (await reader.readuntil(b"\r\n\r\n"), time.monotonic() - started_s)
                writer.transport.abort()
            return found

        answers = asyncio.run(scenario())
        slowest_s = sorted(seconds for _, seconds in answers.values())
        for name, (head, _) in answers.items():
            assert head.startswith(b"HTTP/1.1 400"), f"{name}: {head!r}"
        assert slowest_s[len(slowest_s) // 2] < 0.05
        assert slowest_s[-1] < 0.5
        assert reached(row) == []
        row.tally.note = f"{len(answers)} bodies, the slowest refused in {slowest_s[-1] * 1000:.0f} ms"


def test_f31_a_body_over_the_limit_is_413_while_it_is_still_coming(site: FaultSite) -> None:
    with site.row("F31 too large", nodes="a", rss_percent=10.0, counted=False) as row:
        asker = row.asker()
        limit = 1_048_576

        async def endless() -> tuple[bytes, int]:
            reader, writer = await asyncio.open_connection("127.0.0.1", asker.port)
            writer.write(asker.framed(b"").partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n")
            sent = 0
            answer = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
            while not answer.done() and sent < 20 * limit:
                writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
                sent += 65536
                await asyncio.wait({answer, asyncio.ensure_future(asyncio.sleep(0.002))}, return_when="FIRST_COMPLETED")
            head = await answer
            writer.transport.abort()
            return head, sent

        async def declared() -> bytes:
            body = b" " * (limit + 1)
            return await asker.raw(asker.framed(body)[:5000], timeout_s=2.0)

        head, sent = asyncio.run(endless())
        assert head.startswith(b"HTTP/1.1 413")
        assert sent < 8 * limit
        assert asyncio.run(declared()).startswith(b"HTTP/1.1 413")
        assert reached(row) == []
        fits = json.dumps({"model": row.model, "messages": [], "x": "y" * (limit - 2_000)}).encode()
        assert asyncio.run(asker.raw(asker.framed(fits), timeout_s=1.0)).startswith(b"HTTP/1.1 200")


def test_made_up_model_names_add_no_series_to_the_metrics(site: FaultSite) -> None:
    with site.row("label flood", nodes="a") as row:
        asker = row.asker()
        before = len(site.router.client.get("/metrics").text)

        async def scenario() -> None:
            for number in range(300):
                asker.model = f'made-up-{number}"}} {{x='
                assert (await asker.ask()).status == 404

        asyncio.run(scenario())
        assert len(site.router.client.get("/metrics").text) < before + 2_000
        row.take([asyncio.run(row.asker().ask())])
        assert row.tally.counts == {ANSWERED: 1}
