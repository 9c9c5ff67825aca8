from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from loadtest.examples import record, result
from loadtest.schema import faults
from loadtest.scripted import Chat, serving

from llmlb.loadtest.capacity import Capacity, Step
from llmlb.loadtest.compare import compare
from llmlb.loadtest.evidence import Yardstick
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.histogram import GROWTH, Histogram
from llmlb.loadtest.options import plan_of
from llmlb.loadtest.plan import Pairs, Plan
from llmlb.loadtest.record import Label
from llmlb.loadtest.report.document import document, json_report
from llmlb.loadtest.result import Result
from llmlb.loadtest.run import run
from llmlb.loadtest.saved import run_of
from llmlb.loadtest.standing import standing
from llmlb.loadtest.stream import comparison_line, gates_line, progress_lines, result_line, start_line
from llmlb.loadtest.tally import Progress
from llmlb.loadtest.target import Target
from llmlb.loadtest.taxonomy import Ending
from llmlb.loadtest.typed import Typed

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "loadtest-schema.json").read_text())


def paired() -> Result:
    records = [record(label=Label(i, arm=i % 2, pair=i // 2)) for i in range(40)]
    return result(records, plan=Plan(Pairs(20)))


def searched() -> Result:
    return replace(result(), capacity=Capacity(None, 1.0, (Step(1.0, 30, 0.1, True, False),)))


def from_options(**typed: object) -> Result:
    return result(plan=plan_of(replace(Typed(), **typed)))  # type: ignore[arg-type]  # a shorthand of these tests


def all_failed() -> Result:
    return result([record(i, ttft_s=None, ending=Ending.CONNECT_REFUSED) for i in range(60)], gates=["errors>0"])


@pytest.mark.parametrize(
    "make",
    [
        result,
        lambda: result(gates=["errors>0", "p99_x>1s", "p50_ttft>1s"], phases=True),
        lambda: result([], interrupted=True),
        paired,
        searched,
        all_failed,
        lambda: from_options(rate=3, requests=9),
        lambda: from_options(arrivals="burst:3@1s", requests=9),
        lambda: from_options(sessions=3, input_tokens="99±9"),
        lambda: from_options(sweep="1..4", prompt="secret text"),
        lambda: from_options(find_capacity=True),
        lambda: from_options(tenants="a:1,b:2"),
    ],
)
def test_every_result_keeps_to_the_published_schema(make: Callable[[], Result]) -> None:
    assert faults(json.loads(json_report(make())), SCHEMA) == []


def test_a_real_run_keeps_to_the_schema_in_every_line_of_its_stream() -> None:
    seen: list[Progress] = []

    async def main() -> Result:
        async with serving(Chat(headers=(("x-llmlb-node", "n1"),))) as server:
            return await run(Plan(), Target(server.url), on_progress=seen.append)

    found = asyncio.run(main())
    ours = run_of("this run", document(found))
    compared = comparison_line(compare(ours, ours))
    assert compared["rows"]
    gates = (parse_gate("p90_ttft>1s"),)
    lines = [start_line(url="http://h", load="x", gates=gates), *(line for p in seen for line in progress_lines(p))]
    line_schema = SCHEMA["$defs"]["stream_line"]
    stand = gates_line(standing(gates, Yardstick.of(Plan()), found.records, ("n1",)))
    for line in [*lines, stand, result_line(found), compared]:
        assert faults(json.loads(json.dumps(line, allow_nan=False)), line_schema, root=SCHEMA) == []
    assert sum(line["type"] == "request" for line in lines) == 30


def test_the_schema_refuses_what_is_not_a_result() -> None:
    good = json.loads(json_report(result()))
    changes: tuple[dict[str, object], ...] = ({"kind": "Pod"}, {"totals": None}, {"timeline": [{}]}, {"gates": 3})
    for change in changes:
        assert faults({**good, **change}, SCHEMA)
    del good["client"]
    assert faults(good, SCHEMA) == ["$.client: missing"]


def test_percentiles_are_null_where_the_sample_is_small_and_inf_where_failures_lie() -> None:
    times = document(all_failed())["times"]
    assert isinstance(times, dict)
    assert (times["e2e"]["p90"], times["e2e"]["p99"], times["e2e"]["failures"]) == ("inf", None, 60)


def test_histograms_of_two_files_merge_into_that_of_both_runs() -> None:
    histograms = document(result())["histograms"]
    assert isinstance(histograms, dict)
    stored = histograms["ttft"]
    assert (stored["growth"], stored["infinite"]) == (GROWTH, 2)
    merged = Histogram({int(i): n for i, n in stored["counts"].items()}, infinite=stored["infinite"])
    merged.merge(merged)
    assert len(merged) == 120
    assert merged.percentile(50) == pytest.approx(118, rel=0.03)
    assert merged.percentile(100) == math.inf


def test_prompt_texts_are_not_in_the_document() -> None:
    assert "secret text" not in json_report(from_options(prompt="secret text"))
