"""Every host name becomes an id that a router accepts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.agent.identity import checked_node_id, default_ids, sanitised
from llmlb.errors import ConfigurationError

CONTRACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@given(st.text(), st.integers(min_value=1, max_value=65_535))
def test_a_host_name_yields_an_id_that_no_router_accepts(host: str, port: int) -> None:
    first, second = default_ids(host, port)
    assert CONTRACT.fullmatch(first)
    assert CONTRACT.fullmatch(second)
    assert second.endswith(f"-{port}")


@given(st.from_regex(CONTRACT, fullmatch=True))
def test_a_valid_id_is_changed(node_id: str) -> None:
    assert checked_node_id(node_id) == node_id


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpu-box.lan", "gpu-box.lan"),
        ("Ada's Mac Studio", "Ada-s-Mac-Studio"),
        ("-_.x", "x"),
        ("計算機", "node"),
        ("", "node"),
        ("x" * 100, "x" * 63),
        ("a/../../b", "a-..-..-b"),
    ],
)
def test_sanitising(name: str, expected: str) -> None:
    assert sanitised(name) == expected


def test_an_unfit_id_is_refused_with_a_fitting_one() -> None:
    with pytest.raises(ConfigurationError, match="try gpu-1"):
        checked_node_id("gpu 1")
