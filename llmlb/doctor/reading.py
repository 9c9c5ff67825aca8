"""The whole world, read once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llmlb import __version__
from llmlb.client.address import router_address
from llmlb.client.credentials import Target
from llmlb.config.settings import Settings
from llmlb.doctor.engines import read_engines
from llmlb.doctor.router import read_answer, read_fleet
from llmlb.doctor.world import Fleet, Machine, World
from llmlb.errors import ClientError, ConfigurationError, RouterRefused

ELSEWHERE = "the router runs on another machine: run llmlb doctor there"
OTHER_DATA = "the router that answers keeps its data elsewhere: give its --data-dir and --config, as its user"
NOT_ANSWERED = "the router does not answer"
NO_LOGIN = "this needs a login: llmlb login"


def read_world(target: Target, machine: Callable[[], Machine], *, timeout_s: float, asks_engines: bool = True) -> World:
    """Everything that can be read. machine: reads this machine; asked only where the router runs on it.

    asks_engines: connect to the engines of approved nodes as well, which takes a few seconds.
    """
    is_here = router_address(target.url).is_loopback
    here = machine() if is_here else None
    answer = read_answer(target, timeout_s=timeout_s)
    no_machine = "" if is_here else ELSEWHERE
    if here is not None and answer.is_there and here.running_pid is None:
        # Nobody holds this directory: what lies here says nothing about the router that answers.
        here, no_machine = None, OTHER_DATA
    fleet, why_not = _fleet(target, timeout_s) if answer.is_there else (None, NOT_ANSWERED)
    if fleet is not None and asks_engines:
        fleet = with_engines(fleet, target, here, is_here=is_here)
    return World(
        version=__version__,
        router=answer,
        machine=here,
        fleet=fleet,
        no_machine=no_machine,
        no_fleet=why_not,
    )


def with_engines(fleet: Fleet, target: Target, machine: Machine | None, *, is_here: bool) -> Fleet:
    """The fleet, with what its engines answered to us."""
    settings = (machine.settings if machine is not None else None) or Settings()
    address = router_address(target.url)
    own = ("127.0.0.1", address.port) if is_here else None
    found = read_engines(
        fleet.nodes, keep_alive_s=settings.timeouts.node_keep_alive_s, loopback_allowed=is_here, own=own
    )
    return replace(fleet, nodes=tuple(replace(node, engine=found.get(node.id)) for node in fleet.nodes))


def _fleet(target: Target, timeout_s: float) -> tuple[Fleet | None, str]:
    try:
        return read_fleet(target, timeout_s=timeout_s), ""
    except RouterRefused as error:
        return None, NO_LOGIN if error.status in (401, 403) else error.message
    except (ClientError, ConfigurationError) as error:
        return None, error.message
