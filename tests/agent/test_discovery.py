"""Where an engine is looked for, and where never."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from llmlb.agent.discovery import engine_addresses, find_engine
from llmlb.agent.engines import Engine
from llmlb.agent.engines.endpoint import EngineUnreachable
from llmlb.client.address import router_address
from llmlb.errors import ConfigurationError, EngineError

ROUTER = router_address("http://localhost:8080")


def urls(engine_url: str, router: str = "http://localhost:8080") -> list[str]:
    return [address.url for address in engine_addresses(engine_url, router_address(router))]


def test_the_usual_ports_are_tried_in_order_on_both_loopbacks() -> None:
    found = urls("")
    assert found[::2] == [f"http://127.0.0.1:{port}" for port in (11434, 8000, 1234, 30000, 8081)]
    assert found[1] == "http://[::1]:11434"


@pytest.mark.parametrize("router", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_the_routers_own_port_is_never_tried(router: str) -> None:
    assert not [url for url in urls("", router) if url.endswith(":8000")]


def test_a_routers_port_on_another_machine_is_tried() -> None:
    assert "http://127.0.0.1:8000" in urls("", "http://router.lan:8000")


@pytest.mark.parametrize("engine", ["http://localhost:8080", "http://127.0.0.1:8080/v1", "http://[::1]:8080"])
def test_a_router_given_as_its_own_engine_is_refused(engine: str) -> None:
    with pytest.raises(ConfigurationError, match="router's own address"):
        urls(engine)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://10.0.0.5:8000/v1/", "http://10.0.0.5:8000"),
        ("http://10.0.0.5:8000/vllm/v1", "http://10.0.0.5:8000/vllm"),
        ("http://10.0.0.5:8000/v11", "http://10.0.0.5:8000/v11"),
    ],
)
def test_the_v1_of_a_client_url_is_dropped(given: str, used: str) -> None:
    assert urls(given) == [used]


def test_an_unusable_url_is_called_an_engine_url() -> None:
    with pytest.raises(ConfigurationError, match="is not an engine URL"):
        urls("localhost:11434")


class Machine(httpx.AsyncBaseTransport):
    """What listens on which port of this machine: a page for every path, or nothing."""

    def __init__(self, pages: dict[int, object]) -> None:
        self.pages = pages

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        port = request.url.port
        if port not in self.pages:
            raise httpx.ConnectError("refused", request=request)
        page = self.pages[port] if request.url.path == "/v1/models" else {}
        return httpx.Response(200, stream=httpx.ByteStream(str(page).replace("'", '"').encode()))


def found(pages: dict[int, object]) -> Engine:
    async def run() -> Engine:
        async with httpx.AsyncClient(transport=Machine(pages)) as http:
            return await find_engine(http, engine_addresses("", ROUTER))

    return asyncio.run(run())


def test_the_first_engine_that_answers_is_taken() -> None:
    models = {"data": [{"id": "m"}]}
    assert found({1234: models, 30000: models}).endpoint.url == "http://127.0.0.1:1234"


def test_something_else_on_a_usual_port_is_passed_over() -> None:
    assert found({8000: {"hello": 1}, 8081: {"data": []}}).endpoint.url == "http://127.0.0.1:8081"


def test_no_engine_at_all_lists_where_it_was_looked_for() -> None:
    with pytest.raises(
        EngineUnreachable,
        match=r"at localhost:11434, localhost:8000, localhost:1234, localhost:30000, localhost:8081; .*--engine-url",
    ):
        found({})


def test_a_wrong_answer_is_a_better_reason_than_silence() -> None:
    with pytest.raises(EngineError, match=r":8000 is not an OpenAI-compatible engine"):
        found({8000: {"hello": 1}})
