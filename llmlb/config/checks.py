"""What no single range can say: shapes of addresses, settings that contradict each other, unwise choices."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from llmlb.config.declaration import plain
from llmlb.config.settings import AgentSettings, Settings, agent_settings
from llmlb.config.values import did_you_mean, shown

MIN_JWT_SECRET_BYTES = 32
"""As long as the digest of HS256 (RFC 7518 section 3.2)."""

BUILT_IN_MODES = ("metrics", "round_robin", "adaptive")

# Passwords that every scanner tries first; the demonstration's admin/test works only under --dev.
_WELL_KNOWN_PASSWORDS = frozenset(
    {"test", "admin", "administrator", "password", "passw0rd", "secret", "changeme", "change-me", "letmein", "root"}
    | {"llmlb", "12345678", "123456789", "1234567890", "qwerty", "example"}
)
_MODE = re.compile(r"[A-Za-z_][\w.]*(:\w+)?", re.ASCII)
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?")
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HTTP_URL = re.compile(r"https?://[^/\s]")
NODE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""How a node may be called; safe in a path, a label and a terminal."""


Problem = tuple[str, str]
"""A dotted key, and what is wrong with its value and how to mend it."""


def find_problems(settings: Settings, *, dev: bool = False) -> Iterator[Problem]:
    """Everything that stops a start although each value lies in its range."""
    yield from _mode_problems(settings)
    yield from _server_problems(settings, dev=dev)
    yield from _store_problems(settings)
    yield from _auth_problems(settings, dev=dev)
    if settings.alerts.webhook and not _HTTP_URL.match(settings.alerts.webhook):
        # The address is not repeated: the token of a webhook is part of it.
        yield "alerts.webhook", "is no address: write https://HOST/PATH, or leave it out"
    if settings.circuit.base_s > settings.circuit.cap_s:
        cap = plain(settings.circuit.cap_s)
        yield "circuit.base", f"is longer than circuit.cap: give at most {cap} s, or raise circuit.cap"
    for alias, model in settings.models.aliases.items():
        if alias == model:
            yield "models.aliases", f"{shown(alias)} stands for itself: remove it"


def find_warnings(settings: Settings, *, dev: bool = False) -> Iterator[str]:
    """What is allowed, but hardly meant."""
    health = settings.health
    heartbeat = agent_settings()["agent.heartbeat"]
    # Agents of a demonstration beat as fast as they may; all others are taken to use the default.
    interval_s = heartbeat.rule.dev_low if dev else heartbeat.default
    timeout = f"health.node_timeout of {plain(health.node_timeout_s)} s"
    if isinstance(interval_s, int | float) and health.node_timeout_s < 2 * interval_s:
        yield (
            f"{timeout} is below two heartbeat intervals of {plain(interval_s)} s: one lost heartbeat takes a node "
            f"offline. Raise it, or let the agents beat faster."
        )
    if health.node_timeout_s < 2 * health.check_interval_s:
        yield f"{timeout} is below two check intervals of {plain(health.check_interval_s)} s. Raise it."
    for proxy in settings.server.trusted_proxies:
        if proxy.endswith("/0"):
            yield f"server.trusted_proxies holds {proxy}: every client can then claim any address. Name your proxies."
    for alias, model in settings.models.aliases.items():
        if model in settings.models.aliases:
            yield f"models.aliases: {alias} = {model} is an alias of an alias, which is not followed. Name the model."


def find_agent_problems(settings: AgentSettings) -> Iterator[Problem]:
    """Everything that stops an agent's start although each value lies in its range."""
    for key, url in (
        ("agent.router", settings.router_url),
        ("agent.engine_url", settings.engine_url),
        ("agent.advertise_url", settings.advertise_url),
    ):
        if url and not _HTTP_URL.match(url):
            yield key, f"{shown(url)} is no address: write it as http://HOST:PORT"
    if settings.node_id and not NODE_ID.fullmatch(settings.node_id):
        allowed = "1 to 63 letters, digits, dots, dashes and underscores"
        yield "agent.node_id", f"{shown(settings.node_id)} is no node id: use {allowed}"
    for index in settings.gpus:
        if not re.fullmatch("[0-9]{1,3}", index):
            yield "agent.gpus", f"{shown(index)} is no GPU index: write 0 or 0,1"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a socket that listens on `host`: localhost, 127.0.0.0/8 or ::1."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _mode_problems(settings: Settings) -> Iterator[Problem]:
    mode = settings.load_balancer.mode
    if not _MODE.fullmatch(mode):
        names = ", ".join(BUILT_IN_MODES)
        guess = did_you_mean(mode, [*BUILT_IN_MODES])
        yield "load_balancer.mode", f"{shown(mode)} is unknown: give {names} or module:Class{guess}"


def _server_problems(settings: Settings, *, dev: bool) -> Iterator[Problem]:
    server = settings.server
    if problem := _host_problem(server.host):
        yield "server.host", problem
    elif dev and not is_loopback(server.host):
        yield (
            "server.host",
            f"{server.host} can be reached from other machines, and --dev has open doors: use 127.0.0.1",
        )
    if server.workers != 1:
        yield "server.workers", "the router runs as one process, more workers do not work yet: set it to 1"
    if bool(server.tls_cert) != bool(server.tls_key):
        given, missing = ("tls_cert", "tls_key") if server.tls_cert else ("tls_key", "tls_cert")
        yield f"server.{given}", f"is useless alone: give server.{missing} as well, or neither"
    for proxy in server.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            yield "server.trusted_proxies", f"{shown(proxy)} is no address: write 10.0.0.5 or 10.0.0.0/24"


def _host_problem(host: str) -> str:
    bare = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        if _HOST_NAME.fullmatch(host) and not re.fullmatch(r"[0-9.]*", host):
            return ""
        return f"{shown(host)} is no host: give an address like 127.0.0.1 or 0.0.0.0; the port goes to server.port"
    return "" if bare == host else f"{shown(host)} has brackets: write {bare}"


def _store_problems(settings: Settings) -> Iterator[Problem]:
    url = settings.store.url
    if not url:
        return
    # The address is not repeated: one of another kind may carry a password.
    if url.lower().startswith("postgres"):
        yield "store.url", "PostgreSQL does not work yet: use sqlite:///PATH, or leave it out"
    elif not url.startswith("sqlite:///") or url.removeprefix("sqlite:///").strip() in ("", ":memory:"):
        yield (
            "store.url",
            "is no SQLite file: write sqlite:///PATH (four slashes for an absolute path), or leave it out",
        )


def _auth_problems(settings: Settings, *, dev: bool) -> Iterator[Problem]:
    auth = settings.auth
    if not _USERNAME.fullmatch(auth.admin_username):
        allowed = "1 to 64 letters, digits, dots, dashes, underscores and @"
        yield "auth.admin_username", f"{shown(auth.admin_username)} is no user name: use {allowed}"
    if not dev and auth.admin_password.lower() in _WELL_KNOWN_PASSWORDS:
        yield "auth.admin_password", "is a password that everybody tries: choose another, or leave it out to get one"
    if len(auth.admin_password.encode()) > 1024:
        yield "auth.admin_password", "is longer than 1024 bytes: choose a shorter one"
    if auth.jwt_secret and len(auth.jwt_secret.encode()) < MIN_JWT_SECRET_BYTES:
        yield (
            "auth.jwt_secret",
            f"has less than {MIN_JWT_SECRET_BYTES} bytes: make it longer, or leave it out to get one",
        )
