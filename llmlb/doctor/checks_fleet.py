"""Checks of the fleet as the router tells it: nodes, models, and how they are chosen."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from llmlb.core.load import Thresholds
from llmlb.core.symptom import AtWork, passed_over_for_gpu
from llmlb.doctor.finding import Finding, critical, warning
from llmlb.doctor.world import Fleet, World

PENDING_S = 600.0
FALLBACK_SHARE = 0.5
"""Of the choices made."""
MIN_SELECTIONS = 100
MIN_TIMEOUTS = 3
"""One may be an accident."""
SLOW_START_SHARE = 0.5


def node_offline(world: World) -> Iterator[Finding]:
    """An approved node is gone: its engine, or only its agent."""
    for node in _fleet(world).nodes:
        if node.state != "offline":
            continue
        engine = node.engine
        if engine is None or engine.why_not or engine.problem:
            why = f" ({engine.problem})" if engine is not None and engine.problem else ""
            message = f"is Offline{why}"
            fix = f"start the engine at {node.url}, or remove the node: llmlb nodes delete {node.id}"
        elif node.has_agent:
            message, fix = "is Offline, though its engine answers: its agent is silent", "start llmlb agent beside it"
        else:
            why = f" ({node.last_error})" if node.last_error else ""
            message = f"is Offline, though its engine answers here{why}"
            fix = f"see what the router meets there: llmlb nodes get {node.id}"
        yield critical(f"{node.id} {message}", fix=fix, subject=node.id)


def node_unreachable(world: World) -> Iterator[Finding]:
    """A node counts as online, and nobody can connect to it."""
    for node in _fleet(world).nodes:
        if node.state != "online":
            continue
        if node.circuit != "closed":
            why = node.last_error or "no details"
            yield critical(
                f"{node.id} is taken out for errors: {why}",
                fix=f"see the engine's own log at {node.url}; the router goes on probing it",
                subject=node.id,
            )
        elif world.machine is not None and node.engine is not None and node.engine.problem:
            yield critical(
                f"{node.id} counts as online, and cannot be reached from the router's machine: {node.engine.problem}",
                fix=f"see that the engine runs at {node.url}, and which firewall stands between",
                subject=node.id,
            )


def node_late(world: World) -> Iterator[Finding]:
    """Heartbeats come later than promised."""
    for node in _fleet(world).nodes:
        if node.state == "online" and node.late:
            yield warning(
                f"the heartbeats of {node.id} are late: it gets no new work",
                fix="see the agent's log and the network between it and the router",
                subject=node.id,
            )


def node_pending(world: World) -> Iterator[Finding]:
    """A node waits for somebody."""
    for node in _fleet(world).nodes:
        if node.state == "pending" and node.waiting_s >= PENDING_S:
            yield warning(
                f"{node.id} has waited {node.waiting_s / 60:.0f} minutes for approval",
                fix=f"llmlb nodes approve {node.id}, or llmlb nodes reject {node.id}",
                subject=node.id,
            )


def heartbeat_too_slow(world: World) -> Iterator[Finding]:
    """One lost heartbeat takes a node offline."""
    settings = world.settings
    if settings is None:
        return
    timeout_s = settings.health.node_timeout_s
    for node in _fleet(world).nodes:
        if node.is_approved and node.has_agent and timeout_s < 2 * node.heartbeat_s:
            yield warning(
                f"{node.id} beats every {node.heartbeat_s:g} s, and is Offline after {timeout_s:g} s of silence: "
                "one lost heartbeat is enough",
                fix=f"health.node_timeout = {2 * node.heartbeat_s:g} or more, or XLLM_HEARTBEAT_SECS={timeout_s / 3:g}",
                subject=node.id,
            )


def figures_missing(world: World) -> Iterator[Finding]:
    """A node with GPUs tells nothing about them."""
    for node in _fleet(world).nodes:
        if node.state == "online" and node.has_agent and node.gpus and not node.has_figures:
            yield warning(
                f"{node.id} has {node.gpus} GPUs and reports no figures of them",
                fix="see the agent's log: does nvidia-smi work there, as the agent's user?",
                subject=node.id,
            )


def duplicate_engine(world: World) -> Iterator[Finding]:
    """Two nodes are one engine: it gets twice the work."""
    by_url: dict[str, list[str]] = defaultdict(list)
    for node in _fleet(world).nodes:
        if node.is_approved and node.url:
            by_url[node.url.rstrip("/").removesuffix("/v1").lower()].append(node.id)
    for url, ids in by_url.items():
        if len(ids) > 1:
            yield critical(
                f"{', '.join(ids)} are one engine, at {url}: it gets the work of {len(ids)}",
                fix=f"keep one: llmlb nodes delete {ids[-1]}",
                subject=ids[-1],
            )


def duplicate_model(world: World) -> Iterator[Finding]:
    """One model under two names: its nodes do not share its requests."""
    nodes_of: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for node in _fleet(world).nodes:
        for name in node.models if node.is_approved else ():
            nodes_of[_spelling(name)][name.removesuffix(":latest")].add(node.id)
    for names in nodes_of.values():
        if len(names) < 2 or len({frozenset(nodes) for nodes in names.values()}) < 2:
            continue
        first, *others = sorted(names, key=lambda name: (-len(names[name]), name))
        listed = ", ".join(f"{name} ({', '.join(sorted(names[name])[:3])})" for name in (first, *others))
        yield warning(
            f"these look like one model under several names, whose nodes do not share the work: {listed}",
            fix=f"serve it as {first} everywhere (vLLM: --served-model-name, Ollama: ollama cp)",
            subject=first,
        )


def model_down(world: World) -> Iterator[Finding]:
    """Nobody can take a request for a model."""
    ready: Counter[str] = Counter()
    for node in _fleet(world).nodes:
        for name in {each.removesuffix(":latest") for each in node.models} if node.is_approved else ():
            ready[name] += node.takes_work
    serves_any = any(node.takes_work and not node.models for node in _fleet(world).nodes)
    for name, count in sorted(ready.items()):
        if not count and not serves_any:
            yield critical(
                f"no node can take a request for {name}",
                fix=f"see why: llmlb nodes why {name}",
                subject=name,
            )


def alias(world: World) -> Iterator[Finding]:
    """An alias that leads nowhere, or is never followed."""
    settings = world.settings
    if settings is None:
        return
    known = {name.removesuffix(":latest") for node in _fleet(world).nodes if node.is_approved for name in node.models}
    for name, target in settings.models.aliases.items():
        if known and target.removesuffix(":latest") not in known:
            yield warning(
                f"the alias {name} leads to {target}, which no node has",
                fix="llmlb models list shows what there is; mend [models.aliases] in config.toml",
                subject="models.aliases",
            )
        if name in known:
            yield warning(
                f"the alias {name} is never followed: a node has a model of that name",
                fix="choose another name in [models.aliases]",
                subject="models.aliases",
            )


def gpu_threshold(world: World) -> Iterator[Finding]:
    """The GPU threshold takes out the nodes that work, because a GPU with one request looks full.

    NVML's utilisation is near 100 % whenever a kernel runs, however little of the GPU it takes.
    """
    fleet = _fleet(world)
    if fleet.mode != "metrics" or fleet.gpu_threshold >= 100:
        return
    at_work = [
        AtWork(node.active, node.max_concurrency, "gpu" in node.excluded_by)
        for node in fleet.nodes
        if node.state == "online" and node.active > 0
    ]
    thresholds = Thresholds(gpu_percent=fleet.gpu_threshold, active_requests=fleet.active_threshold)
    passed_over = passed_over_for_gpu(at_work, thresholds)
    total = sum(fleet.selections.values())
    fallbacks = fleet.selections.get("overloaded_fallback", 0)
    if passed_over:
        seen = f"{passed_over} of {len(at_work)} nodes that work are passed over for their GPU, though they have room"
    elif total >= MIN_SELECTIONS and fallbacks >= FALLBACK_SHARE * total:
        seen = f"{fallbacks} of {total} choices were made among nodes over a threshold"
    else:
        return
    yield warning(
        f"{seen}: a GPU reports nearly 100 % with a single request, so gpu_threshold = {fleet.gpu_threshold:g} "
        "excludes whoever works",
        fix="llmlb thresholds set mode=adaptive; or llmlb thresholds set gpu=100 and limit nodes by their requests",
        subject="gpu_threshold",
    )


def node_times_out(world: World) -> Iterator[Finding]:
    """Requests wait for a node until the router gives up."""
    counts = Counter(
        node_id for node_id, cause in _fleet(world).attempts if cause.startswith(("nothing usable", "no connection"))
    )
    for node_id, count in counts.items():
        if count >= MIN_TIMEOUTS:
            yield warning(
                f"{count} recent tries on {node_id} ran into a timeout",
                fix="if the engine is only slow, raise timeouts.first_byte and timeouts.answer; else see its log",
                subject=node_id,
            )


def timeout_too_short(world: World) -> Iterator[Finding]:
    """A node usually needs most of the time it is given."""
    settings = world.settings
    if settings is None:
        return
    limit_s = settings.timeouts.first_byte_s
    for node in _fleet(world).nodes:
        if node.ttft_ms is not None and node.ttft_ms / 1000 > SLOW_START_SHARE * limit_s:
            yield warning(
                f"{node.id} takes {node.ttft_ms / 1000:.1f} s to a first token on average, and gets {limit_s:g} s",
                fix=f"timeouts.first_byte = {4 * node.ttft_ms / 1000:.0f}, or give the node less at once",
                subject=node.id,
            )


def _spelling(name: str) -> str:
    """What is left of a model's name without publisher, separators and the default tag."""
    bare = name.lower().removesuffix(":latest").rpartition("/")[2]
    return re.sub(r"[^a-z0-9]", "", bare)


def _fleet(world: World) -> Fleet:
    assert world.fleet is not None, "the run leaves these checks out without a fleet"
    return world.fleet
