"""llmlb nodes rotate-token"""

from __future__ import annotations

from cli.command_line import Run
from cli.fake_router import Answer, FakeRouter, node


def test_a_new_token_is_shown_once_after_a_question(router: FakeRouter, run: Run) -> None:
    router.add(node("gpu-1"))
    path = "/v0/nodes/gpu-1/rotate-token"
    router.answers["POST", path] = Answer(200, {**node("gpu-1"), "node_token": "nt_new"})
    assert run("nodes", "rotate-token", "gpu-1").code == 2
    assert "would POST" in run("nodes", "rotate-token", "gpu-1", "--dry-run").out
    assert router.told("POST", path) == []
    ran = run("nodes", "rotate-token", "gpu-1", "--yes")
    assert (ran.code, ran.out) == (0, "nt_new\n")
    assert router.told("POST", path)[0].headers["if-match"] == "5"
    assert run("nodes", "rotate-token", "gpu-11", "--yes").code == 6
