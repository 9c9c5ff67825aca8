"""Checks of the engines themselves: what the router cannot see from its side of the connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from llmlb.config.settings import Settings
from llmlb.doctor.checks_router import proxy_named
from llmlb.doctor.finding import Finding, critical, warning
from llmlb.doctor.world import Engine, NodeState, World

SHORT_STAY_S = 60.0
"""Loading a model takes longer than a minute's pause saves."""

_SPAN = re.compile(r"(-?\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def engine_wants_key(world: World) -> Iterator[Finding]:
    """The engine demands a key that the router does not have."""
    for node, engine in _asked(world):
        if engine.status in (401, 403) and not node.has_key:
            yield critical(
                f"the engine of {node.id} demands an API key (status {engine.status}), and the router has none for it",
                fix=f'[nodes.{node.id}] api_key = "..." in config.toml',
                subject=node.id,
            )


def engine_broken(world: World) -> Iterator[Finding]:
    """It answers, but not as an engine."""
    for node, engine in _asked(world):
        if engine.status not in (200, 401, 403):
            yield critical(
                f"the engine of {node.id} answers {engine.status} at /v1/models",
                fix=f"see that {node.url} is the engine's address, and that it has loaded its model",
                subject=node.id,
            )


def engine_keep_alive(world: World) -> Iterator[Finding]:
    """The engine closes idle connections sooner than the router: a request sent into that moment is lost."""
    ours_s = (world.settings or Settings()).timeouts.node_keep_alive_s
    for node, engine in _asked(world):
        announced = re.search(r"timeout=(\d+)", engine.headers.get("keep-alive", ""))
        theirs_s = (
            engine.closed_after_s if engine.closed_after_s is not None else float(announced[1]) if announced else None
        )
        if theirs_s is not None and ours_s and theirs_s <= ours_s:
            yield warning(
                f"the engine of {node.id} closes idle connections after {theirs_s:.1f} s, "
                f"the router keeps them {ours_s:g} s",
                fix=f"timeouts.node_keep_alive = {max(0.0, theirs_s * 0.6):.1f}, or raise the engine's own time",
                subject=node.id,
            )


def engine_proxy(world: World) -> Iterator[Finding]:
    """A proxy between router and engine."""
    for node, engine in _asked(world):
        if name := proxy_named(engine.headers):
            yield warning(
                f"a proxy ({name}) stands before the engine of {node.id}: it may buffer streams and cut long ones",
                fix="register the engine's own address, or switch buffering and short timeouts off there",
                subject=node.id,
            )


def ollama_parallel(world: World) -> Iterator[Finding]:
    """Ollama runs fewer requests at once than the router sends it: the rest waits where nobody can move it."""
    for node, engine in _ollamas(world):
        variables = _variables(world, engine)
        given = None if variables is None else _number(variables.get("OLLAMA_NUM_PARALLEL", ""), default=1)
        limit = node.max_concurrency
        if limit is not None and (given is None or limit <= given):
            continue
        runs = "as many as OLLAMA_NUM_PARALLEL says, 1 if it is not set" if given is None else f"{given}"
        gets = "has no limit for it" if limit is None else f"sends it up to {limit}"
        yield warning(
            f"Ollama on {node.id} runs {runs} at once, and the router {gets}: what is more waits in Ollama's own queue",
            fix=f"OLLAMA_NUM_PARALLEL=4 for Ollama, and [nodes.{node.id}] max_concurrency = 4 in config.toml",
            subject=node.id,
        )


def ollama_keep_alive(world: World) -> Iterator[Finding]:
    """Ollama forgets a model at once: after each pause somebody waits for its loading."""
    for node, engine in _ollamas(world):
        text = (_variables(world, engine) or {}).get("OLLAMA_KEEP_ALIVE", "")
        match = _SPAN.fullmatch(text)
        # A negative time keeps models for ever.
        if match is not None and 0 <= float(match[1]) * _UNIT_S[match[2]] < SHORT_STAY_S:
            yield warning(
                f"Ollama on {node.id} unloads a model {text} after its last request",
                fix="OLLAMA_KEEP_ALIVE=30m for Ollama, or -1 for ever",
                subject=node.id,
            )


def _asked(world: World) -> Iterator[tuple[NodeState, Engine]]:
    """The engines that answered."""
    for node in world.fleet.nodes if world.fleet is not None else ():
        if node.engine is not None and not node.engine.why_not and not node.engine.problem:
            yield node, node.engine


def _ollamas(world: World) -> Iterator[tuple[NodeState, Engine]]:
    for node in world.fleet.nodes if world.fleet is not None else ():
        engine = node.engine or Engine(why_not="not asked")
        if node.is_approved and (node.engine_kind == "ollama" or engine.is_ollama):
            yield node, engine


def _variables(world: World, engine: Engine) -> Mapping[str, str] | None:
    """The environment of that Ollama, None where it runs on another machine or may not be read."""
    return world.machine.ollama if world.machine is not None and engine.is_local else None


def _number(text: str, *, default: int) -> int:
    return int(text) if text.isdecimal() and int(text) > 0 else default
