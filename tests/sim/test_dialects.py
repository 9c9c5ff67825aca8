"""The official SDKs read every API, in one piece and as a stream."""

from __future__ import annotations

import asyncio
import math

import anthropic
import httpx
import openai
import pytest
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionMessageParam

from llmlb.sim import SimServer, SimSettings

FAST = SimSettings(prefill_tokens_per_s=1e9, decode_tokens_per_s=1e4, api_key="key")
MODEL = "sim-model"
TURNS: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Tell me about the fleet."}]
ANTHROPIC_TURNS: list[MessageParam] = [{"role": "user", "content": "Tell me about the fleet."}]


def openai_client(sim: SimServer) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{sim.url}/v1", api_key="key", max_retries=0)


def anthropic_client(sim: SimServer) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=sim.url, api_key="key", max_retries=0)


def test_openai_chat_in_one_piece_and_streamed_says_the_same() -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, openai_client(sim) as client:
            whole = await client.chat.completions.create(model=MODEL, messages=TURNS, max_tokens=12)
            stream = await client.chat.completions.create(
                model=MODEL, messages=TURNS, max_tokens=12, stream=True, stream_options={"include_usage": True}
            )
            text, finish, usage = "", None, None
            async for chunk in stream:
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    finish = choice.finish_reason or finish
                usage = chunk.usage or usage
            assert text == whole.choices[0].message.content
            assert finish == whole.choices[0].finish_reason == "length"
            assert usage is not None
            assert whole.usage is not None
            assert usage.completion_tokens == whole.usage.completion_tokens == 12

    asyncio.run(scenario())


def test_openai_answer_without_a_limit_stops_by_itself() -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, openai_client(sim) as client:
            answer = await client.chat.completions.create(model=MODEL, messages=TURNS)
            assert answer.choices[0].finish_reason == "stop"
            assert (answer.choices[0].message.content or "").endswith(".")

    asyncio.run(scenario())


def test_openai_completions() -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, openai_client(sim) as client:
            whole = await client.completions.create(model=MODEL, prompt="Once", max_tokens=9)
            stream = await client.completions.create(model=MODEL, prompt="Once", max_tokens=9, stream=True)
            text = "".join([choice.text async for chunk in stream for choice in chunk.choices])
            assert text == whole.choices[0].text

    asyncio.run(scenario())


def test_openai_responses() -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, openai_client(sim) as client:
            whole = await client.responses.create(model=MODEL, input="Hello")
            assert whole.status == "completed"
            assert whole.usage is not None
            stream = await client.responses.create(model=MODEL, input="Hello", stream=True)
            events = [event async for event in stream]
            numbers = [event.sequence_number for event in events]
            assert numbers == list(range(len(events)))
            assert events[-1].type == "response.completed"
            deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
            assert "".join(deltas) == whole.output_text
            cut = await client.responses.create(model=MODEL, input="Hello", max_output_tokens=2)
            assert cut.status == "incomplete"

    asyncio.run(scenario())


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_openai_embeddings_are_unit_vectors_and_the_same_in_both_encodings(encoding: str) -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, openai_client(sim) as client:
            answer = await client.embeddings.create(model=MODEL, input=["one", "two", "one"])
            vectors = [row.embedding for row in answer.data]
            assert vectors[0] == vectors[2] != vectors[1]
            assert len(vectors[0]) == 64
            assert math.hypot(*vectors[0]) == pytest.approx(1.0, abs=1e-4)
            explicit = await client.embeddings.create(model=MODEL, input="one", encoding_format="float")
            assert explicit.data[0].embedding == pytest.approx(vectors[0], abs=1e-6)

    asyncio.run(scenario())


def test_anthropic_messages() -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, anthropic_client(sim) as client:
            whole = await client.messages.create(
                model=MODEL, max_tokens=9, system="Be brief.", messages=ANTHROPIC_TURNS
            )
            assert whole.stop_reason == "max_tokens"
            async with client.messages.stream(
                model=MODEL,
                max_tokens=9,
                system="Be brief.",
                messages=ANTHROPIC_TURNS,
            ) as stream:
                text = "".join([piece async for piece in stream.text_stream])
                final = await stream.get_final_message()
            block = whole.content[0]
            assert block.type == "text"
            assert text == block.text
            assert final.stop_reason == "max_tokens"
            assert final.usage.output_tokens == 9

    asyncio.run(scenario())


def test_anthropic_answer_that_ends_by_itself_ends_its_turn() -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, anthropic_client(sim) as client:
            answer = await client.messages.create(model=MODEL, max_tokens=1000, messages=ANTHROPIC_TURNS)
            assert answer.stop_reason == "end_turn"

    asyncio.run(scenario())


@pytest.mark.parametrize("model", ['@@"@@', "a@@b", "Ünï"])
def test_odd_model_name_does_not_break_the_events(model: str) -> None:
    async def scenario() -> None:
        settings = SimSettings(models=(model,), prefill_tokens_per_s=1e9, decode_tokens_per_s=1e4)
        async with SimServer(settings) as sim, httpx.AsyncClient(base_url=sim.url, trust_env=False) as client:
            for path in ("/v1/chat/completions", "/v1/messages"):
                body = {"model": model, "messages": TURNS, "max_tokens": 3, "stream": True}
                lines = (await client.post(path, json=body)).text.splitlines()
                events = [httpx.Response(200, text=line[6:]).json() for line in lines if line[:7] == "data: {"]
                assert len(events) >= 5

    asyncio.run(scenario())


def test_sdk_error_carries_the_engines_words() -> None:
    async def scenario() -> None:
        async with SimServer(FAST) as sim, openai_client(sim) as client:
            with pytest.raises(openai.NotFoundError, match="sim-model"):
                await client.chat.completions.create(model="other", messages=TURNS)

    asyncio.run(scenario())
