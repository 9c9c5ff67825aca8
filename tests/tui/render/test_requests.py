"""The pages that say where a request went, why, and what it cost."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tui.screens.test_lists import request

from llmlb_tui.model.text import width
from llmlb_tui.render.costs import terms_lines
from llmlb_tui.render.glyphs import UNICODE
from llmlb_tui.render.requests import explanation_lines, request_page

CELLS = 100


def explained(node_id: str, **fields: object) -> dict[str, Any]:
    """A node as ``/v0/explain`` lists it."""
    return {
        "id": node_id,
        "state": "online",
        "eligible": True,
        "ineligible_because": None,
        "excluded_by": [],
        "active_requests": 1,
        "in_flight": 1,
        "max_concurrency": None,
        "capability_score": 100,
        "gpu_usage": 40.0,
        "vram_usage": None,
        "circuit": "closed",
        "cost_seconds": None,
        "cost_terms": {},
        "share": 1.0,
        **fields,
    }


def explanation(*nodes: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {
        "model": "m",
        "resolved": "m",
        "mode": "adaptive",
        "choice": {"node": "gpu-1", "reason": "cheapest", "chance": 1.0},
        "otherwise": None,
        "refusal": None,
        "queued": 0,
        "nodes": list(nodes),
        **fields,
    }


def page_of(answer: dict[str, Any], about: str = "") -> list[str]:
    return [line.text.rstrip() for line in explanation_lines(answer, CELLS, UNICODE, about=about)]


def test_why_shows_what_each_node_would_cost_and_what_that_consists_of() -> None:
    dear = explained("gpu-2", cost_seconds=4.5, cost_terms={"wait": 2.0, "prefill": 0.4, "decode": 2.1, "load": 0.0})
    cheap = explained("gpu-1", cost_seconds=2.5, cost_terms={"wait": 0.0, "prefill": 0.4, "decode": 2.1})
    lines = page_of(explanation(dear, explained("gpu-9"), cheap))
    assert "COST" in lines[4]
    assert [line.split()[:2] for line in lines[5:9:2]] == [[UNICODE.cursor, "gpu-1"], ["gpu-2", "4.50s"]]
    assert lines[6].strip() == "prefill 400ms, decode 2.10s"
    assert lines[8].strip() == "wait 2.00s, prefill 400ms, decode 2.10s"
    assert lines[9].split()[:2] == ["gpu-9", "-"], "one that was not priced comes last, and has no terms"


def test_why_has_no_column_of_costs_where_the_mode_counts_none() -> None:
    assert not [line for line in page_of(explanation(explained("gpu-1"), mode="metrics")) if "COST" in line]


def test_why_says_what_chance_and_the_queue_have_to_do_with_it() -> None:
    answer = explanation(
        explained("gpu-1", share=0.25),
        choice={"node": "gpu-1", "reason": "cheapest", "chance": 0.25},
        otherwise={"node": "gpu-2", "reason": "slow_start", "chance": 0.75},
        queued=3,
    )
    text = "\n".join(page_of(answer))
    assert "gpu-1 (cheapest), with 25% chance, else to gpu-2; 3 wait before it" in text
    assert "chosen, 25% share while it comes back" in text


def test_the_node_that_was_asked_about_stands_first() -> None:
    nodes = [explained(f"gpu-{number}", cost_seconds=float(number)) for number in range(1, 5)]
    assert page_of(explanation(*nodes), about="gpu-3")[5].split()[0] == "gpu-3"
    assert "gpu-7 is not among the nodes" in page_of(explanation(*nodes), about="gpu-7")[5]


def test_the_page_of_a_request_names_the_node_that_answered() -> None:
    # The router's record lists the tries that failed; the one that answered is told by its other fields.
    text = [line.text for line in request_page(request(1, ttft_ms=188.0), CELLS, UNICODE)]
    assert [line.split() for line in text if line.startswith(" node ")] == [["node", "gpu-0001"]]
    (row,) = [line for line in text if line.startswith(" 1 ")]
    assert row.split() == ["1", "gpu-0001", "least_active", "200", "1.92s", "it", "did", "not"]
    failed = {"node_id": "gpu-0000", "reason": "least_active", "cause": "refused", "status": 0, "seconds": 0.5}
    text = [line.text for line in request_page(request(1, attempts=[failed], reason="retry"), CELLS, UNICODE)]
    assert [line.split()[1] for line in text if line.startswith((" 1 ", " 2 "))] == ["gpu-0000", "gpu-0001"]
    assert "1.42s" in text[-1], "without what the first try took"


def test_a_request_that_failed_everywhere_has_no_try_more_than_its_record_lists() -> None:
    failed = {"node_id": "gpu-0001", "reason": "least_active", "cause": "refused", "status": 0, "seconds": 0.5}
    given = request(1, outcome="failed", status=502, error="refused", attempts=[failed])
    assert not [line for line in request_page(given, CELLS, UNICODE) if line.text.startswith(" 2 ")]
    nowhere = request(1, outcome="refused", status=429, node_id="", error="queue full")
    assert request_page(nowhere, CELLS, UNICODE)[-1].text == " it went to no node"


def test_the_page_of_a_request_shows_what_its_candidates_would_have_cost() -> None:
    costs = [
        {"node_id": "gpu-0001", "total_s": 1.5, "terms": {"wait": 0.0, "prefill": 0.5, "decode": 1.0}},
        {"node_id": "gpu-0002", "total_s": 3.0, "terms": {"wait": 1.5, "prefill": 0.5, "decode": 1.0}},
    ]
    text = [line.text for line in request_page(request(1, costs=costs), CELLS, UNICODE)]
    at = next(place for place, line in enumerate(text) if "CANDIDATE" in line)
    assert text[at + 1].split() == [UNICODE.cursor, "gpu-0001", "1.50s", "prefill", "500ms,", "decode", "1.00s"]
    assert text[at + 2].endswith("wait 1.50s, prefill 500ms, decode 1.00s")
    assert not [line for line in request_page(request(1), CELLS, UNICODE) if "CANDIDATE" in line.text]


def left_out(because: str, *node_ids: str) -> list[dict[str, Any]]:
    return [{"node_id": node_id, "because": because} for node_id in node_ids]


def test_the_page_of_a_request_says_why_other_nodes_were_not_asked() -> None:
    given = request(
        1,
        eligible=2,
        left_out=[*left_out("at_capacity", "gpu-0002"), *left_out("vram", "gpu-0001")],
        left_out_counts={"at_capacity": 41, "vram": 1, "pending": 3},
    )
    text = [line.text.rstrip() for line in request_page(given, CELLS, UNICODE)]
    at = next(place for place, line in enumerate(text) if "LEFT OUT" in line)
    assert [line.split(maxsplit=1) for line in text[at + 1 : at + 2]] == [["gpu-0002", "at capacity"]]
    assert text[at + 2].split(maxsplit=2) == [UNICODE.cursor, "gpu-0001", "over the VRAM threshold"]
    assert text[at + 3 :] == ["   and 40 at capacity, 3 pending"]
    assert [line.split() for line in text if line.startswith(" eligible ")] == [["eligible", "2"]]
    assert not [line for line in request_page(request(1), CELLS, UNICODE) if "LEFT OUT" in line.text]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_terms = st.dictionaries(st.text(max_size=40), _json, max_size=30)


@given(terms=_terms, total=_json, node_id=st.text(max_size=60), share=_json)
def test_costs_of_a_stranger_neither_break_a_page_nor_act_on_the_terminal(
    terms: dict[str, Any], total: object, node_id: str, share: object
) -> None:
    node = explained(node_id, cost_seconds=total, cost_terms=terms, share=share)
    drawn = explanation_lines(explanation(node, queued=total, otherwise={"node": node_id}), CELLS, UNICODE)
    costs = [{"node_id": node_id, "total_s": total, "terms": terms}]
    left = {"left_out": left_out(node_id, node_id), "left_out_counts": {node_id: total, "": share}}
    drawn += request_page(request(1, costs=costs, attempts=[{"seconds": total}], **left), CELLS, UNICODE)
    assert all(character.isprintable() for line in drawn for character in line.text)
    assert all(width(line.text) <= CELLS for line in terms_lines(terms, 5, CELLS))
