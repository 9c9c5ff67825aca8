"""GET requests to an engine that is not trusted: bounded in time and size, no redirects, JSON or nothing."""

from __future__ import annotations

import asyncio
import json
from typing import NoReturn

import httpx

from llmlb.client.answers import cause_text
from llmlb.errors import EngineError

PROBE_TIMEOUT_S = 3.0
"""Engines answer their lists in milliseconds; a busy Python one was seen to need a second."""

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A vLLM metrics page with one model is about 60 KB; 1,000 Ollama models are below 1 MB."""


class EngineUnreachable(EngineError):
    """Nothing accepts connections at the engine's address."""


class EngineSilent(EngineError):
    """The engine did not answer in time."""


class EngineRefused(EngineError):
    """The engine answered with an error.

    status: the HTTP status.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Endpoint:
    """One engine's base URL, and how to ask it.

    url: ``http(s)://host:port`` with an optional path prefix.  api_key: sent as a bearer token where given.
    """

    def __init__(
        self, http: httpx.AsyncClient, url: str, *, api_key: str = "", timeout_s: float = PROBE_TIMEOUT_S
    ) -> None:
        self.url = url.rstrip("/")
        self._http = http
        self._timeout_s = timeout_s
        self._headers = {"Accept-Encoding": "identity"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    async def json(self, path: str) -> object:
        """The JSON at ``path``; raises EngineUnreachable, EngineSilent, EngineRefused or EngineError."""
        body = await self._get(path)
        try:
            value: object = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise EngineError(f"{self.url}{path} did not answer JSON") from error
        return value

    async def text(self, path: str) -> str:
        """The text at ``path``; raises as ``json`` does."""
        return (await self._get(path)).decode("utf-8", "replace")

    async def optional_json(self, path: str) -> object:
        """The JSON at ``path``, or None where the engine has none; an unreachable engine still raises."""
        try:
            return await self.json(path)
        except EngineUnreachable:
            raise
        except EngineError:
            return None

    async def optional_text(self, path: str) -> str:
        """The text at ``path``, or "" where the engine has none; an unreachable engine still raises."""
        try:
            return await self.text(path)
        except EngineUnreachable:
            raise
        except EngineError:
            return ""

    async def _get(self, path: str) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._read(path)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise EngineSilent(f"{self.url}{path} did not answer within {self._timeout_s:g} s") from error
        except httpx.ConnectError as error:
            cause = cause_text(error)
            raise EngineUnreachable(f"cannot connect to {self.url} ({cause}); is the engine running?") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise EngineError(f"{self.url}{path} broke off its answer or does not speak HTTP") from error

    async def _read(self, path: str) -> bytes:
        request = self._http.stream("GET", self.url + path, headers=self._headers, follow_redirects=False)
        async with request as response:
            if response.status_code != 200:
                self._refuse(path, response.status_code)
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise EngineError(f"{self.url}{path} answered more than {MAX_BODY_BYTES} bytes")
            return bytes(body)

    def _refuse(self, path: str, status: int) -> NoReturn:
        match status:
            case 401 | 403:
                reason = (
                    "demands an API key: set XLLM_ENGINE_API_KEY for the agent, or the node's api_key at the router"
                )
            case 503:
                reason = "is not ready; it may still be loading its model"
            case _:
                reason = f"answered {status} at {path}"
        raise EngineRefused(f"the engine at {self.url} {reason}", status=status)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
