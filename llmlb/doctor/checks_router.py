"""Checks of the way to the router: is it there, whose clock is wrong, who stands in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from llmlb.doctor.finding import Finding, critical, warning
from llmlb.doctor.world import Fleet, World

TOLERATED_SKEW_S = 5.0
"""Sessions and expiring keys live by the minute; HTTP tells the time in whole seconds."""
SLOW_FEED_S = 3.0

_PROXY_HEADERS = ("via", "x-cache", "cf-ray", "x-served-by", "x-envoy-upstream-service-time")
_PROXY_SERVERS = ("nginx", "openresty", "envoy", "haproxy", "traefik", "caddy", "apache", "cloudflare", "awselb")


def router_down(world: World) -> Iterator[Finding]:
    """Nobody answers at the router's address."""
    router = world.router
    if router.is_there:
        return
    is_told_better = world.machine is not None and (world.machine.running_pid or world.machine.port_is_taken)
    if not is_told_better:
        yield critical(
            f"no router answers at {router.url} ({router.problem})",
            fix="start it: llmlb serve   |   or name another one: --url URL, llmlb context use NAME",
            subject=router.url,
        )


def not_a_router(world: World) -> Iterator[Finding]:
    """Something else answers there."""
    router = world.router
    if router.is_there and "x-llmlb-request-id" not in router.headers:
        yield critical(
            f"what answers at {router.url} is no llmlb router (status {router.status})",
            fix="name the router's address with --url; behind a proxy, see where it sends /health/live",
            subject=router.url,
        )


def clock_skew(world: World) -> Iterator[Finding]:
    """This machine and the router disagree about the time."""
    skew_s = world.router.skew_s
    if skew_s is not None and abs(skew_s) > TOLERATED_SKEW_S:
        yield warning(
            f"the router's clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's",
            fix="set both by NTP: timedatectl set-ntp true",
            subject="clock",
        )


def version_skew(world: World) -> Iterator[Finding]:
    """This program and the router are of different versions."""
    fleet = _fleet(world)
    if fleet.version != world.version:
        yield warning(
            f"the router is llmlb {fleet.version}, this command is {world.version}",
            fix="install the same version on both; a router that was upgraded must be restarted",
            subject="version",
        )


def proxy_in_between(world: World) -> Iterator[Finding]:
    """A proxy before the router that the router does not know: all clients look like one."""
    name = proxy_named(world.router.headers)
    settings = world.settings
    if not name or (settings is not None and settings.server.trusted_proxies):
        return
    yield warning(
        f"a proxy ({name}) stands before the router" + (", which does not know it" if settings is not None else ""),
        fix="name its address in server.trusted_proxies; let it not buffer, and wait at least timeouts.first_byte",
        subject=world.router.url,
    )


def proxy_buffers(world: World) -> Iterator[Finding]:
    """Streams do not come through as they are sent."""
    first_s = _fleet(world).first_event_s
    if first_s is None or first_s > SLOW_FEED_S:
        came = "did not come" if first_s is None else f"took {first_s:.1f} s to come"
        yield critical(
            f"the first word of a stream {came}: something in between collects answers before it passes them on",
            fix="switch buffering off there (nginx: proxy_buffering off), or go to the router directly",
            subject=world.router.url,
        )


def proxy_variable(world: World) -> Iterator[Finding]:
    """Programs of this shell would go to the router through a proxy."""
    router = world.router
    # This program obeys no such variable: where it came through, a proxy is not needed.
    if router.proxy and router.is_there:
        host = router.url.partition("://")[2].partition("/")[0].rpartition(":")[0] or router.url
        yield warning(
            f"clients in this environment reach {router.url} through {router.proxy}: most obey that variable",
            fix=f"export NO_PROXY=$NO_PROXY,{host}",
            subject="environment",
        )


def proxy_named(headers: Mapping[str, str]) -> str:
    """What betrays a proxy in an answer's head, "" for nothing."""
    server = headers.get("server", "").lower()
    for known in _PROXY_SERVERS:
        if known in server:
            return known
    found = next((name for name in _PROXY_HEADERS if name in headers), "")
    return f"{found}: {headers[found][:60]}" if found else ""


def _fleet(world: World) -> Fleet:
    assert world.fleet is not None, "the run leaves these checks out without a fleet"
    return world.fleet
