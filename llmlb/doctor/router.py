"""Asking the router: without a login whether it is there, with one how its fleet is."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from email.utils import parsedate_to_datetime

from llmlb.client.address import RouterAddress, router_address, segment
from llmlb.client.answers import cause_text
from llmlb.client.credentials import Target
from llmlb.client.simple import call, events
from llmlb.clock import monotonic_s, unix_s
from llmlb.doctor.probe import Place, probe
from llmlb.doctor.world import Fleet, NodeState, RouterAnswer
from llmlb.errors import ClientError, ConfigurationError, RouterRefused

FEED_PATIENCE_S = 5.0
RECENT_REQUESTS = 500
THREADS = 8

Fields = Mapping[str, object]


def read_answer(target: Target, *, timeout_s: float) -> RouterAnswer:
    """Whether a router answers, and who else shows in its answer."""
    address = router_address(target.url)
    place = Place(address.scheme, address.host, address.host, address.port)
    try:
        found = probe(place, address.target("/health/live"), timeout_s=timeout_s, ca_file=target.ca_file or None)
    except (OSError, http.client.HTTPException, ConfigurationError) as error:
        return RouterAnswer(target.url, problem=cause_text(error, timeout_s=timeout_s), proxy=_proxy_for(address))
    return RouterAnswer(
        target.url,
        status=found.status,
        headers=found.headers,
        skew_s=_skew_s(found.headers.get("date", "")),
        proxy=_proxy_for(address),
    )


def read_fleet(target: Target, *, timeout_s: float) -> Fleet:
    """The fleet as the router tells it. Raises RouterUnreachable, RouterRefused, ConfigurationError."""

    def ask(path: str, query: Mapping[str, int] | None = None) -> Fields:
        answer = call(
            "GET",
            target.url,
            path,
            token=target.token,
            query=query,
            timeout_s=timeout_s,
            ca_file=target.ca_file or None,
        )
        return answer if isinstance(answer, dict) else {}

    def detail(node: Fields) -> Fields:
        try:
            return ask(f"/v0/nodes/{segment(str(node.get('id')))}")
        except RouterRefused:  # deleted meanwhile
            return node

    status = ask("/v0/status")
    settings = ask("/v0/settings/load-balancer")
    with ThreadPoolExecutor(max_workers=THREADS) as threads:
        nodes = list(threads.map(detail, _rows(ask("/v0/nodes"), "nodes")))
    requests = _rows(ask("/v0/requests", {"limit": RECENT_REQUESTS}), "requests")
    return Fleet(
        version=_text(status, "version"),
        uptime_s=_number(status, "uptime_seconds") or 0.0,
        mode=_text(settings, "mode"),
        gpu_threshold=_number(settings, "gpu_threshold") or 0.0,
        active_threshold=int(_number(settings, "active_request_threshold") or 0),
        nodes=tuple(_node(node) for node in nodes),
        attempts=tuple(_attempts(requests)),
        selections=_counts(ask("/v0/load-balancer/stats").get("reasons")),
        first_event_s=_first_event_s(target),
    )


def _first_event_s(target: Target) -> float | None:
    """How long the event feed took to say its first word, None if it said none in time."""
    began_s = monotonic_s()
    try:
        for _ in events(target.url, token=target.token, timeout_s=FEED_PATIENCE_S, ca_file=target.ca_file or None):
            return monotonic_s() - began_s
    except ClientError:
        pass
    return None


def _node(fields: Fields) -> NodeState:
    gpus = fields.get("gpus")
    names = dict.fromkeys([*_texts(fields.get("loaded_models")), *_texts(fields.get("available_models"))])
    limit = _number(fields, "max_concurrency")
    registered = _unix_s(_text(fields, "registered_at"))
    return NodeState(
        id=_text(fields, "id"),
        url=_text(fields, "url"),
        state=_text(fields, "state"),
        draining=fields.get("draining") is True,
        late=fields.get("late") is True,
        circuit=_text(fields, "circuit"),
        engine_kind=_text(fields, "engine"),
        has_agent=fields.get("agent") is not False,
        has_key=fields.get("engine_key_set") is True,
        heartbeat_s=_number(fields, "heartbeat_secs") or 0.0,
        gpus=len(gpus) if isinstance(gpus, list) else 0,
        has_figures=fields.get("metrics_available") is True,
        excluded_by=tuple(_texts(fields.get("excluded_by"))),
        active=int(_number(fields, "active_requests") or 0),
        max_concurrency=None if limit is None else int(limit),
        models=tuple(names),
        ttft_ms=_number(fields, "avg_ttft_ms"),
        last_error=_text(fields, "last_error"),
        waiting_s=0.0 if registered is None else max(0.0, unix_s() - registered),
    )


def _attempts(requests: Iterable[Fields]) -> Iterable[tuple[str, str]]:
    for request in requests:
        for attempt in _rows(request, "attempts"):
            yield _text(attempt, "node_id"), _text(attempt, "cause")


def _proxy_for(address: RouterAddress) -> str:
    """The proxy that this environment names for the router, without a password in it; "" for none."""
    found = urllib.request.getproxies_environment()
    proxy = found.get(address.scheme) or found.get("all") or ""
    if not proxy or urllib.request.proxy_bypass(f"{address.host}:{address.port}", found):
        return ""
    return proxy.rpartition("@")[2] if "@" in proxy else proxy


def _skew_s(date: str) -> float | None:
    """How far the other clock is ahead; HTTP tells whole seconds, cut off."""
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5 - unix_s()
    except (ValueError, TypeError):
        return None


def _unix_s(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _rows(fields: Fields, name: str) -> list[Fields]:
    value = fields.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _number(fields: Fields, name: str) -> float | None:
    value = fields.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _counts(value: object) -> dict[str, int]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {name: count for name, count in pairs if isinstance(count, int)}
