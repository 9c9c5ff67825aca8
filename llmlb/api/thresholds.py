"""Changing how nodes are chosen, live; and what a change would do."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from dataclasses import asdict, replace

from llmlb.api.access import Call
from llmlb.api.answers import ApiRefusal
from llmlb.api.audit import Act, audit_row
from llmlb.api.services import Services
from llmlb.config.sections import LoadBalancerSettings
from llmlb.core.change import Change, ChangeKind
from llmlb.core.choice import Policy
from llmlb.core.health import NodeState
from llmlb.core.load import Thresholds
from llmlb.core.node import Node, NodeId
from llmlb.errors import ConfigurationError
from llmlb.wire import settings as wire

SECTION = "load_balancer"


def settings_view(services: Services) -> dict[str, object]:
    """The settings in force, with the fields of ``wire.settings.LoadBalancerSettings``."""
    return asdict(services.load_balancer)


def thresholds_of(settings: LoadBalancerSettings) -> Thresholds:
    """The core's thresholds behind the settings."""
    return Thresholds(settings.gpu_threshold, settings.vram_threshold, settings.active_request_threshold)


def merged(current: LoadBalancerSettings, patch: wire.LoadBalancerPatch) -> LoadBalancerSettings:
    """The settings after a change: what the change leaves out stays."""
    given = patch.model_dump(exclude_none=True)
    return replace(current, **given)


async def change(call: Call, patch: wire.LoadBalancerPatch) -> LoadBalancerSettings:
    """Puts a change in force and keeps it over restarts. Refuses a mode that does not exist."""
    services = call.services
    async with services.locks.hold("settings"):
        before = services.load_balancer
        wanted = merged(before, patch)
        if wanted == before:
            return before
        policy = _policy(services, wanted.mode)
        said = _differences(before, wanted)
        rows = _rows(services.settings.load_balancer, before, wanted)
        await services.store.save_settings(rows, audit=audit_row(call, Act.SETTINGS, SECTION, said))
        services.load_balancer = wanted
        services.balancer.policy = policy
        services.fleet.set_thresholds(thresholds_of(wanted), services.now_s())
        services.announce([Change(ChangeKind.SETTINGS, NodeId(""), said)], actor=call.actor)
        return wanted


def preview(services: Services, patch: wire.LoadBalancerPatch) -> wire.SettingsPreview:
    """Which nodes a change would exclude, and what that takes from whom. Refuses a mode that does not exist."""
    wanted = merged(services.load_balancer, patch)
    _policy(services, wanted.mode)
    now_s = services.now_s()
    before, after = services.fleet.thresholds, thresholds_of(wanted)
    excluded_now = {node.id for node in services.fleet if _over(before, node, now_s)}
    excluded_then = {node.id: node for node in services.fleet if _over(after, node, now_s)}
    return wire.SettingsPreview(
        **asdict(wanted),
        excluded=[_excluded(node, _over(after, node, now_s)) for node in excluded_then.values()],
        newly_excluded=sorted(excluded_then.keys() - excluded_now),
        no_longer_excluded=sorted(excluded_now - excluded_then.keys()),
        models_losing_last_node=sorted(
            _served(services.fleet, excluded_now) - _served(services.fleet, excluded_then.keys())
        ),
    )


def _served(fleet: Iterable[Node], excluded: Container[NodeId]) -> set[str]:
    """Models with a node that takes work before the excluded ones do."""
    takes_work = (node for node in fleet if node.state is NodeState.ONLINE and not node.draining)
    return {model for node in takes_work if node.id not in excluded for model in node.models}


def _policy(services: Services, mode: str) -> Policy:
    """The policy of a mode: the one in force where the mode is; else a new one."""
    if mode == services.load_balancer.mode:
        return services.balancer.policy
    try:
        return services.make_policy(mode)
    except ConfigurationError as error:
        raise ApiRefusal(422, "invalid_value", f"{error.message} Nothing was changed.", param="mode") from None


def _over(thresholds: Thresholds, node: Node, now_s: float) -> list[str]:
    figures = node.figures if node.has_fresh_figures(now_s) else None
    return [exclusion.value for exclusion in thresholds.exclusions(figures, node.active)]


def _excluded(node: Node, excluded_by: list[str]) -> wire.ExcludedNode:
    figures = node.figures
    return wire.ExcludedNode(
        id=node.id,
        state=node.state.value,
        gpu_usage=0.0 if figures is None else figures.gpu_percent or 0.0,
        vram_usage=0.0 if figures is None else figures.vram_percent or 0.0,
        metrics_available=figures is not None and figures.gpu_percent is not None,
        vram_metrics_available=figures is not None and figures.vram_percent is not None,
        active_requests=node.active,
        excluded_by=excluded_by,
    )


def _rows(
    configured: LoadBalancerSettings, before: LoadBalancerSettings, wanted: LoadBalancerSettings
) -> dict[str, tuple[str, str]]:
    """What changes, for the store: each value with the configured one that it overrides."""
    base, old, new = asdict(configured), asdict(before), asdict(wanted)
    return {
        f"{SECTION}.{name}": (json.dumps(value), json.dumps(base[name]))
        for name, value in new.items()
        if value != old[name]
    }


def _differences(before: LoadBalancerSettings, wanted: LoadBalancerSettings) -> str:
    old, new = asdict(before), asdict(wanted)
    return ", ".join(f"{name} {old[name]} -> {new[name]}" for name in new if old[name] != new[name])
