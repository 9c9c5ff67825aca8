"""Which verbs mean anything for a node."""

from __future__ import annotations

from cli.fake_router import node

from llmlb_cli.fitting import fits


def test_a_verb_fits_the_nodes_that_the_console_would_change() -> None:
    pending, draining = node("a", state="pending"), node("b", draining=True)
    assert (fits("approve", pending), fits("approve", draining)) == (True, False)
    assert (fits("undrain", pending), fits("undrain", draining)) == (False, True)
    assert fits("get", pending)
    assert not fits("approve", {"id": ""})
