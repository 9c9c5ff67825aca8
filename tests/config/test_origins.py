"""How an origin is printed."""

from __future__ import annotations

import pytest

from llmlb.config.origins import DEFAULT, STORED, Origin, OriginKind


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (DEFAULT, "default"),
        (STORED, "stored"),
        (Origin(OriginKind.FILE, "config.toml:12"), "file config.toml:12"),
        (Origin(OriginKind.ENVIRONMENT, "LLMLB_PORT"), "environment LLMLB_PORT"),
        (Origin(OriginKind.FLAG, "--port"), "flag --port"),
    ],
)
def test_origin_names_its_kind_and_place(origin: Origin, text: str) -> None:
    assert str(origin) == text
