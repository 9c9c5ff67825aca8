"""llmlb sim"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from llmlb_cli.exits import Failure
from llmlb_cli.output import line

if TYPE_CHECKING:
    from llmlb.sim.settings import SimSettings


def sim(
    port: Annotated[int, typer.Option(metavar="PORT", help="Port to listen on; 0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    model: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A model to serve; may be repeated.")] = None,
    slots: Annotated[int, typer.Option(metavar="N", help="Requests that run at once.")] = 8,
    prefill_tokens_per_s: Annotated[float, typer.Option(metavar="N", help="Speed of reading prompts.")] = 8000.0,
    decode_tokens_per_s: Annotated[float, typer.Option(metavar="N", help="Speed of one stream alone.")] = 100.0,
    batch_cost: Annotated[float, typer.Option(metavar="SHARE", help="What each further stream adds to a step.")] = 0.02,
    cache_blocks: Annotated[int, typer.Option(metavar="N", help="Blocks of the prefix cache; 0: no cache.")] = 256,
    load_s: Annotated[float, typer.Option(metavar="SECONDS", help="Time to load a cold model.")] = 0.0,
    max_loaded_models: Annotated[int, typer.Option(metavar="N", help="Models that fit in memory; 0: all.")] = 0,
    answer_tokens: Annotated[int, typer.Option(metavar="N", help="Mean length of an answer.")] = 48,
    context_tokens: Annotated[int, typer.Option(metavar="N", help="Longer requests get 400.")] = 131_072,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the texts and of random faults.")] = 0,
    api_key: Annotated[str, typer.Option(metavar="KEY", help="Demand this key of every request.")] = "",
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="kind[:argument][@N|@p=0.1|@after=10s|@model=M]; may be repeated."),
    ] = None,
    log_heads: Annotated[bool, typer.Option("--log-heads", help="Keep request heads for GET /sim/requests.")] = False,
    early_head: Annotated[
        bool, typer.Option("--early-head", help="Send a stream's head before its first token.")
    ] = False,
    accept_any_model: Annotated[bool, typer.Option("--accept-any-model", help="Answer for every model name.")] = False,
) -> int:
    """Run a simulated engine: it speaks the OpenAI and Anthropic APIs, takes the time a GPU would, fails on command.

    Faults: refuse, hang, slow_head, status, die_before_byte, die_mid_stream, rst, clean_eof_mid, error_event,
    abort_finish, garbage, huge_header, wrong_length, stall, exit.

    Examples:
      llmlb sim --port 8001 --model llama-3.2-1b
      llmlb sim --port 8002 --slots 4 --decode-tokens-per-s 40
      llmlb sim --port 8003 --fault die_mid_stream:5@p=0.1 --fault status:503@2
    """
    from llmlb.sim.faults import parse_fault
    from llmlb.sim.settings import SimSettings

    settings = SimSettings(
        models=tuple(model or ("sim-model",)),
        host=host,
        port=port,
        slots=slots,
        prefill_tokens_per_s=prefill_tokens_per_s,
        decode_tokens_per_s=decode_tokens_per_s,
        batch_cost=batch_cost,
        cache_blocks=cache_blocks,
        load_s=load_s,
        max_loaded_models=max_loaded_models,
        answer_tokens=answer_tokens,
        context_tokens=context_tokens,
        seed=seed,
        faults=tuple(parse_fault(spec) for spec in fault or ()),
        log_heads=log_heads,
        early_head=early_head,
        accept_any_model=accept_any_model,
        api_key=api_key,
    )
    try:
        asyncio.run(_serve(settings))
    except OSError as error:
        where = f"{host}:{port}"
        raise Failure(f"cannot listen on {where}: {error.strerror}", hint="choose another --port") from error
    return 0


async def _serve(settings: SimSettings) -> None:
    from llmlb.sim.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGTERM, signal.SIGINT):
        # Where the loop knows no signals, Ctrl-C ends the process all the same.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(kind, stop.set)
    await serve(settings, stop=stop, ready=lambda url: line(f"simulated engine on {url}"))
