"""Every check, in the order in which somebody would look, and the run over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from llmlb.doctor import checks_engines, checks_fleet, checks_machine, checks_router
from llmlb.doctor.finding import Finder, Finding
from llmlb.doctor.world import World


class Needs(StrEnum):
    """What a check looks at; without it the check is left out."""

    NOTHING = "nothing"
    MACHINE = "machine"
    FLEET = "fleet"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What came of it. findings: by the check's name.  skipped: checks that could not be made, and why."""

    findings: tuple[tuple[str, Finding], ...]
    checked: tuple[str, ...]
    skipped: Mapping[str, str]


_MACHINE: tuple[Finder, ...] = (
    checks_machine.configuration,
    checks_machine.configuration_doubts,
    checks_machine.open_door,
    checks_machine.certificate,
    checks_machine.data_access,
    checks_machine.disk_space,
    checks_machine.store,
    checks_machine.backups,
    checks_machine.first_password,
    checks_machine.port,
    checks_machine.file_limit,
    checks_machine.clock_ran_back,
)

_ROUTER: tuple[Finder, ...] = (
    checks_router.router_down,
    checks_router.not_a_router,
    checks_router.clock_skew,
    checks_router.proxy_in_between,
    checks_router.proxy_variable,
)

_FLEET: tuple[Finder, ...] = (
    checks_router.version_skew,
    checks_router.proxy_buffers,
    checks_fleet.node_offline,
    checks_fleet.node_unreachable,
    checks_fleet.node_late,
    checks_fleet.node_pending,
    checks_fleet.heartbeat_too_slow,
    checks_fleet.figures_missing,
    checks_fleet.duplicate_engine,
    checks_fleet.duplicate_model,
    checks_fleet.model_down,
    checks_fleet.alias,
    checks_fleet.gpu_threshold,
    checks_fleet.node_times_out,
    checks_fleet.timeout_too_short,
    checks_engines.engine_wants_key,
    checks_engines.engine_broken,
    checks_engines.engine_keep_alive,
    checks_engines.engine_proxy,
    checks_engines.ollama_parallel,
    checks_engines.ollama_keep_alive,
)

CHECKS: Mapping[str, tuple[Finder, Needs]] = {
    find.__name__: (find, needs)
    for needs, finders in ((Needs.MACHINE, _MACHINE), (Needs.NOTHING, _ROUTER), (Needs.FLEET, _FLEET))
    for find in finders
}
"""Each check under its name, which is that of its function and never changes."""


def diagnose(world: World) -> Diagnosis:
    """Every check that can be made."""
    missing = {
        Needs.MACHINE: (world.no_machine or "unknown") if world.machine is None else "",
        Needs.FLEET: (world.no_fleet or "unknown") if world.fleet is None else "",
        Needs.NOTHING: "",
    }
    findings: list[tuple[str, Finding]] = []
    checked: list[str] = []
    skipped: dict[str, str] = {}
    for name, (find, needs) in CHECKS.items():
        if missing[needs]:
            skipped[name] = missing[needs]
            continue
        checked.append(name)
        findings += [(name, finding) for finding in find(world)]
    findings.sort(key=lambda found: found[1].severity.value)
    return Diagnosis(tuple(findings), tuple(checked), skipped)
