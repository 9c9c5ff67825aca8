"""What the official SDKs make of broken streams: they raise, every time, and show no wrong text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fakes.byte_node import text_of
from fakes.fault_site import ByteNode, FaultSite, Row
from fakes.llama import LlamaServer

pytestmark = pytest.mark.system

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

MESSAGES = [{"role": "user", "content": "Hello"}]
Words = AsyncIterator[str]


def openai_words(client: Any, model: str, **extra: Any) -> Words:
    async def words() -> Words:
        stream = await client.chat.completions.create(
            model=model, messages=MESSAGES, stream=True, max_tokens=40, extra_body=extra
        )
        async with stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    return words()


def anthropic_words(client: Any, model: str, **extra: Any) -> Words:
    async def words() -> Words:
        async with client.messages.stream(model=model, messages=MESSAGES, max_tokens=40, extra_body=extra) as stream:
            async for text in stream.text_stream:
                yield text

    return words()


SDKS: dict[str, tuple[Callable[..., Words], type[Exception]]] = {
    "openai": (openai_words, openai.APIError),
    "anthropic": (anthropic_words, anthropic.APIError),
}


class Listeners:
    """Both SDKs on one router."""

    def __init__(self, row: Row) -> None:
        url, key = row.router.url, row.router.api_key
        self._model = row.model
        self._clients = {
            "openai": openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0),
            "anthropic": anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0),
        }

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def listen(self, sdk: str, heard: list[str], **extra: Any) -> str:
        """Collect the text into ``heard``; returns how it ended: whole, or raised."""
        words, its_error = SDKS[sdk]
        try:
            async for text in words(self._clients[sdk], self._model, **extra):
                heard.append(text)
        except (its_error, openai.APIError, anthropic.APIError):
            return "raised"
        except Exception as error:
            # The SDKs let their HTTP library's own errors through in mid-stream.
            return "raised" if type(error).__module__.startswith(("httpx", "httpcore")) else repr(error)
        return "whole"


async def kill_when_all_flow(node: ByteNode, texts: list[list[str]]) -> None:
    async with asyncio.timeout(30):
        while min(map(len, texts)) < 5:
            await asyncio.sleep(0.02)
    node.kill()


def test_both_sdks_raise_in_every_killed_stream_and_see_no_text_twice(site: FaultSite) -> None:
    rounds, each = 4, 25
    endings: dict[str, list[str]] = {sdk: [] for sdk in SDKS}
    play = {"*": ["head", "words:400:0.08", "finish", "end"]}

    async def one_round(listeners: Listeners, row: Row) -> None:
        texts: list[list[str]] = [[] for _ in range(2 * each)]
        sdks = [sdk for sdk in SDKS for _ in range(each)]
        tasks = [
            asyncio.create_task(listeners.listen(sdk, text, play=play)) for sdk, text in zip(sdks, texts, strict=True)
        ]
        await kill_when_all_flow(row.nodes["d"], texts)
        for sdk, ending in zip(sdks, await asyncio.gather(*tasks), strict=True):
            endings[sdk].append(ending)
        assert all(text_of(400).startswith("".join(text)) for text in texts)
        row.nodes["d"].start()
        await asyncio.to_thread(row.nodes["d"].wait_ready)
        async with asyncio.timeout(10):
            while (await row.asker().ask()).status != 200:
                await asyncio.sleep(0.05)
        while row.node("d")["circuit"] != "closed":
            await row.asker().ask()

    with site.row("killed streams, both SDKs", nodes="d", rss_percent=15.0, counted=False) as row:

        async def scenario() -> None:
            listeners = Listeners(row)
            for _ in range(rounds):
                await one_round(listeners, row)
            await listeners.close()

        asyncio.run(scenario())
        row.tally.note = ", ".join(
            f"{sdk} raised {ended.count('raised')} of {len(ended)}" for sdk, ended in endings.items()
        )
        row.tally.counts["failed"] = sum(map(len, endings.values()))
        assert endings == {sdk: ["raised"] * rounds * each for sdk in SDKS}


DEATHS = {
    "reset": ["reset"],
    "closed": ["close"],
    "closed half": ["half_close"],
    "ended too early": ["end"],
    "ended in a chunk": ["bytes:50\r\ndata: {", "close"],
    "stalled": ["hang"],
}


def test_both_sdks_raise_whatever_a_stream_dies_of(site: FaultSite) -> None:
    with site.row("other deaths, both SDKs", rss_percent=15.0, counted=False) as row:

        async def scenario() -> None:
            listeners = Listeners(row)
            cases = [(name, sdk) for name in DEATHS for sdk in SDKS for _ in range(3)]
            texts: list[list[str]] = [[] for _ in cases]
            plays = [{"*": ["head", "words:6", "sleep:0.1", *DEATHS[name]]} for name, _ in cases]
            endings = await asyncio.gather(
                *(
                    listeners.listen(sdk, text, play=play)
                    for (_, sdk), text, play in zip(cases, texts, plays, strict=True)
                )
            )
            await listeners.close()
            row.tally.counts["failed"] = len(cases)
            assert dict(zip(cases, endings, strict=True)) == dict.fromkeys(cases, "raised")
            assert {"".join(text) for text in texts} == {text_of(6)}

        asyncio.run(scenario())


def test_both_sdks_hear_every_word_once_whatever_happens_before_the_first(site: FaultSite) -> None:
    """Two nodes of three fail each request before its first content, in different ways."""
    with site.row("whole streams, both SDKs", rss_percent=15.0, counted=False) as row:
        good = ["head", "words:40:0.002", "finish", "end"]
        plays = [{"*": good, "a": ["head", "reset"]}, {"*": good, "b": ["status:503"]}, {"*": good}]

        async def scenario() -> None:
            listeners = Listeners(row)
            cases = [(sdk, plays[number % 3]) for sdk in SDKS for number in range(50)]
            texts: list[list[str]] = [[] for _ in cases]
            endings = []
            for start in range(0, len(cases), 20):
                some = list(zip(cases, texts, strict=True))[start : start + 20]
                endings += await asyncio.gather(*(listeners.listen(sdk, text, play=play) for (sdk, play), text in some))
            await listeners.close()
            row.tally.counts["answered"] = len(cases)
            assert set(endings) == {"whole"}
            assert {"".join(text) for text in texts} == {text_of(40)}

        asyncio.run(scenario())


def test_every_stream_raises_when_a_real_engine_is_killed(
    site: FaultSite, llama_servers: Callable[..., LlamaServer]
) -> None:
    engine = llama_servers(slots=6)
    with site.row("llama.cpp killed, openai", nodes="a", rss_percent=15.0, counted=False) as row:
        site.router.leave(row.id_of("a"))
        site.router.join("engine", engine.url, row.model)

        async def scenario() -> list[str]:
            listeners = Listeners(row)
            texts: list[list[str]] = [[] for _ in range(6)]
            tasks = [
                asyncio.create_task(listeners.listen("openai", text, max_tokens=1500, ignore_eos=True))
                for text in texts
            ]
            async with asyncio.timeout(30):
                while min(map(len, texts)) < 5:
                    await asyncio.sleep(0.02)
            engine.kill()
            endings = await asyncio.gather(*tasks)
            await listeners.close()
            return endings

        endings = asyncio.run(scenario())
        row.tally.counts["failed"] = len(endings)
        assert endings == ["raised"] * 6
        site.router.leave("engine")
        site.router.join(row.id_of("a"), row.nodes["a"].url, row.model)
