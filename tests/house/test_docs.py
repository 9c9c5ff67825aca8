"""The documentation says what the code does: tables and examples are compared with their source."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

from policies.test_policies import check_policy

from llmlb.core.choice import Policy
from llmlb.core.health import TRANSITIONS, NodeState, Signal
from llmlb.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def between(text: str, mark: str) -> str:
    """What stands between ``<!-- mark -->`` and ``<!-- /mark -->``."""
    found = re.search(rf"<!-- {mark}[^>]*-->\n(.*?)<!-- /{mark} -->", text, re.S)
    assert found, mark
    return found[1]


def test_the_drawn_states_are_the_table_of_transitions() -> None:
    drawn = between((DOCS / "architecture.md").read_text(), "states")
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in drawn.splitlines()]
    order = [
        Signal.HEARTBEAT,
        Signal.APPROVED_FRESH,
        Signal.APPROVED_SILENT,
        Signal.SILENCE,
        Signal.LEAVING,
        Signal.MOVED,
    ]
    assert rows[2:] == [[state, *(TRANSITIONS[state, signal] for signal in order)] for state in NodeState]


def test_every_metric_is_documented_with_its_help() -> None:
    text = (DOCS / "metrics.md").read_text()
    for metric in METRICS:
        assert f"`{metric.name}`" in text, metric.name
    assert set(re.findall(r"^\| `(ll\w+)`", text, re.M)) == {metric.name for metric in METRICS}


def test_the_example_policy_keeps_the_contract_of_policies(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", between((DOCS / "policies.md").read_text(), "example"), re.S)
    assert code
    path = tmp_path / "sticky.py"
    path.write_text(code[1])
    spec = importlib.util.spec_from_file_location("sticky", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sticky"] = module
    try:
        spec.loader.exec_module(module)
        policy = module.StickyKeys()
        assert isinstance(policy, Policy)
        check_policy(policy, [(5.0, 0, 10), (None, 3, 20), (95.0, 12, 9000)])
    finally:
        del sys.modules["sticky"]


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*DOCS.glob("*.md"), *DOCS.glob("decisions/*.md"), ROOT / "README.md"]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
