"""The router behind a certificate of its own."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import httpx
import pytest
from fakes.router import RouterProcess

pytestmark = pytest.mark.system


def test_a_tls_client_that_says_nothing_is_held_no_longer_than_one_without_a_head(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    chain, key = certificate
    config = f'[server]\ntls_cert = "{chain}"\ntls_key = "{key}"\n[timeouts]\nhead = 0.3\n'
    router = RouterProcess(tmp_path, config=config)
    trust = ssl.create_default_context(cafile=str(chain))
    router.client = httpx.Client(base_url=f"https://127.0.0.1:{router.port}", verify=trust, trust_env=False)
    with router, socket.create_connection(("127.0.0.1", router.port), timeout=20) as silent:
        since_s = time.monotonic()
        assert silent.recv(1) == b""
        assert time.monotonic() - since_s < 5
        assert router.client.get("/health/live").status_code == 200
        assert router.end() == 0
