"""What a node's Retry-After asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.proxy import answer
from llmlb.proxy.answer import retry_after_s
from llmlb.proxy.upstream import AnswerHead, Framing

NOW = 1_700_000_000.0
"""Tue, 14 Nov 2023 22:13:20 GMT."""


def head(value: bytes, **fields: bytes) -> AnswerHead:
    named = [(name.encode(), given) for name, given in fields.items()]
    return AnswerHead(503, ((b"retry-after", value), *named), Framing.LENGTH, 0, keep_alive=True)


@pytest.mark.parametrize(
    ("value", "wanted_s"),
    [
        (b"7", 7.0),
        (b"Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        (b"Tuesday, 14-Nov-23 22:13:50 GMT", 30.0),
        (b"Tue Nov 14 22:13:50 2023", 30.0),
        (b"Tue, 14 Nov 2023 22:13:20 GMT", None),
        (b"Tue, 14 Nov 1823 22:13:20 GMT", None),
        (b"Tue, 99 Nov 2023 22:13:20 GMT", None),
        (b"soon", None),
        (b"", None),
        (b"1234567", None),
    ],
)
def test_a_node_may_ask_for_seconds_or_for_an_instant(
    value: bytes, wanted_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "unix_s", lambda: NOW)
    assert retry_after_s(head(value)) == wanted_s


def test_an_instant_is_meant_by_the_nodes_own_clock() -> None:
    told = head(b"Tue, 14 Nov 2023 22:13:50 GMT", date=b"Tue, 14 Nov 2023 22:13:40 GMT")
    assert retry_after_s(told) == 10.0


nearly_dates = st.lists(st.sampled_from(["Tue,", "14", "Nov", "2023", "22:13:50", "GMT", "+9999", "-1", ":", ",", "("]))
values = st.binary(max_size=50) | nearly_dates.map(lambda parts: " ".join(parts).encode())


@given(values, values)
def test_no_retry_after_stops_the_router(value: bytes, date: bytes) -> None:
    wanted_s = retry_after_s(head(value, date=date))
    assert wanted_s is None or wanted_s >= 0
