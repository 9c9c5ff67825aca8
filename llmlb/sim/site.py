"""Everything the simulated engine answers, path by path."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from importlib.metadata import version

import msgspec

from llmlb import clock
from llmlb.errors import ConfigurationError
from llmlb.sim.connection import Connection, HeardRequest, Responder
from llmlb.sim.engine import Engine
from llmlb.sim.exchange import Ask, Exchange, send_refusal
from llmlb.sim.faults import Fault, FaultPlan, Subject, parse_fault
from llmlb.sim.faulty import FaultyExchange, FaultyPage
from llmlb.sim.journal import Ending, Journal
from llmlb.sim.metrics import metrics_text
from llmlb.sim.order import Api, JsonObject, Order, Refusal, read_order
from llmlb.sim.prefix_cache import count_tokens
from llmlb.sim.settings import SimSettings

_INFERENCE_PATHS = frozenset(Api)


class Site:
    """Answers requests of all connections. set_faults takes new faults over; die ends or plays dead."""

    def __init__(
        self,
        settings: SimSettings,
        *,
        peers: set[Connection],
        set_faults: Callable[[Iterable[Fault]], None],
        die: Callable[[], None],
    ) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        self.journal = Journal()
        self._peers = peers
        self._set_faults = set_faults
        self._die = die
        self._rng = random.Random(settings.seed)
        self._created_at_s = int(clock.unix_s())
        self._loop = asyncio.get_running_loop()
        self.plan = FaultPlan((), now_s=self._loop.time(), rng=self._rng)
        self._pages: dict[tuple[str, str], Callable[[HeardRequest], bytes]] = {
            ("GET", "/health"): lambda _: b'{"status":"ok"}',
            ("GET", "/v1/models"): self._models,
            ("GET", "/version"): self._version,
            ("GET", "/slots"): self._slots,
            ("GET", "/sim/state"): self._state,
            ("GET", "/sim/requests"): self._requests,
            ("DELETE", "/sim/requests"): self._forget_requests,
            ("GET", "/sim/faults"): self._faults,
            ("POST", "/sim/faults"): self._replace_faults,
        }

    def arm(self, faults: Iterable[Fault]) -> None:
        """Puts these faults in force instead of the present ones."""
        self.plan = FaultPlan(faults, now_s=self._loop.time(), rng=self._rng)

    def answer(self, request: HeardRequest, connection: Connection) -> Responder | None:
        """The application of every connection."""
        if request.method == "POST" and request.path in _INFERENCE_PATHS:
            return self._infer(request, connection)
        fault = self._page_fault(request)
        if fault is None:
            self._show(request, connection)
            return None
        page = FaultyPage(connection, fault, send_page=partial(self._show, request, connection), die=self._die)
        page.start()
        return page

    def _page_fault(self, request: HeardRequest) -> Fault | None:
        """The fault that this page meets; the pages that command the faults meet none."""
        if request.path.startswith("/sim/"):
            return None
        return self.plan.choose(_subject(request, model="", is_inference=False), self._loop.time())

    def _show(self, request: HeardRequest, connection: Connection) -> None:
        try:
            self._send_page(request, connection)
        except Refusal as refusal:
            send_refusal(connection, refusal)
        connection.finish()

    def _infer(self, request: HeardRequest, connection: Connection) -> Responder | None:
        record = self.journal.open(request.path, clock.unix_s())
        record.head = request.head
        record.client_request_id = request.headers.get("x-request-id", "")[:256]
        try:
            order = self._accept(request)
        except Refusal as refusal:
            record.status, record.outcome = refusal.status, Ending.REFUSED
            send_refusal(connection, refusal)
            connection.finish()
            return None
        record.model, record.is_stream = order.model, order.is_stream
        ask = Ask(order=order, connection=connection, record=record, engine=self.engine)
        fault = self.plan.choose(_subject(request, model=order.model, is_inference=True), self._loop.time())
        exchange = Exchange(ask) if fault is None else FaultyExchange(ask, fault, die=self._die)
        exchange.start()
        return exchange

    def _accept(self, request: HeardRequest) -> Order:
        self._check_key(request)
        order = read_order(Api(request.path), request.body)
        if order.model not in self.settings.models and not self.settings.accept_any_model:
            message = f"The model {order.model!r} does not exist. This engine has: " + ", ".join(self.settings.models)
            raise Refusal(message, status=404, code="model_not_found", param="model")
        tokens = count_tokens(order.prompt)
        if tokens >= self.settings.context_tokens:
            limit = self.settings.context_tokens
            message = f"The prompt has {tokens} tokens; the context holds {limit}. Shorten the prompt."
            raise Refusal(message, code="context_length_exceeded")
        return order

    def _check_key(self, request: HeardRequest) -> None:
        key = self.settings.api_key
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key and key not in (given, request.headers.get("x-api-key")):
            raise Refusal("The API key is missing or wrong.", status=401, code="invalid_api_key")

    def _send_page(self, request: HeardRequest, connection: Connection) -> None:
        if (request.method, request.path) == ("GET", "/metrics"):
            connection.send(200, metrics_text(self.engine), content_type="text/plain; version=0.0.4")
            return
        page = self._pages.get((request.method, request.path))
        if page is not None:
            connection.send(200, page(request))
        elif request.path in _INFERENCE_PATHS or any(path == request.path for _, path in self._pages):
            message = f"{request.path} does not take {request.method}."
            raise Refusal(message, status=HTTPStatus.METHOD_NOT_ALLOWED, code="method_not_allowed")
        else:
            message = f"There is no {request.path} here. This is a simulated engine; try /v1/models."
            raise Refusal(message, status=404, code="not_found")

    def _models(self, request: HeardRequest) -> bytes:
        self._check_key(request)
        models = [
            {
                "id": model,
                "object": "model",
                "created": self._created_at_s,
                "owned_by": "llmlb-sim",
                "max_model_len": self.settings.context_tokens,
            }
            for model in self.settings.models
        ]
        return msgspec.json.encode({"object": "list", "data": models})

    def _version(self, _: HeardRequest) -> bytes:
        return msgspec.json.encode({"version": f"llmlb-sim {version('llmlb')}"})

    def _slots(self, _: HeardRequest) -> bytes:
        running = self.engine.running
        return msgspec.json.encode(
            [
                {"id": slot, "n_ctx": self.settings.context_tokens, "is_processing": slot < running}
                for slot in range(self.settings.slots)
            ]
        )

    def _state(self, _: HeardRequest) -> bytes:
        state: JsonObject = {
            "open_sockets": len(self._peers),
            "running": self.engine.running,
            "waiting": self.engine.waiting,
            "requests": self.journal.count,
            "loaded_models": self.engine.shelf.loaded(self._loop.time()),
        }
        return msgspec.json.encode(state)

    def _requests(self, _: HeardRequest) -> bytes:
        return msgspec.json.encode({"requests": [record.as_json() for record in self.journal.records]})

    def _forget_requests(self, request: HeardRequest) -> bytes:
        self.journal.clear()
        return self._requests(request)

    def _faults(self, _: HeardRequest) -> bytes:
        return msgspec.json.encode({"faults": [str(fault) for fault in self.plan.faults]})

    def _replace_faults(self, request: HeardRequest) -> bytes:
        try:
            specs = msgspec.json.decode(request.body, type=list[str])
            faults = [parse_fault(spec) for spec in specs]
        except msgspec.DecodeError:
            raise Refusal('Send a JSON list of faults, such as ["status:503@2"].') from None
        except ConfigurationError as error:
            raise Refusal(error.message) from None
        self._set_faults(faults)
        return self._faults(request)


def _subject(request: HeardRequest, *, model: str, is_inference: bool) -> Subject:
    return Subject(path=request.path, is_inference=is_inference, model=model, body=request.body)
