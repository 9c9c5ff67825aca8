from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace

import pytest
from loadtest.examples import record, result
from loadtest.golden import same_as_golden

from llmlb.loadtest.capacity import Capacity, Step
from llmlb.loadtest.plan import Pairs, Plan, Tenant
from llmlb.loadtest.record import Label, Record
from llmlb.loadtest.report.document import json_report
from llmlb.loadtest.report.junit import junit_report
from llmlb.loadtest.report.markdown import markdown_report
from llmlb.loadtest.report.requests import FIELDS, csv_report, ndjson_report, request_row
from llmlb.loadtest.report.text import text_report
from llmlb.loadtest.result import Result
from llmlb.loadtest.taxonomy import Ending

GATES = ("p50_ttft>500ms", "errors>0", "p99_ttft>1s", "imbalance>1.3")


def paired() -> Result:
    records = []
    for number in range(60):
        records.append(record(ttft_s=0.105 + number / 1000, node="node-1", label=Label(number * 2, arm=0, pair=number)))
        records.append(record(ttft_s=0.1 + number / 1000, label=Label(number * 2 + 1, arm=1, pair=number)))
    return result(records, plan=Plan(Pairs(60)))


def searched() -> Result:
    steps = (Step(1.0, 30, 1.0, False, True), Step(2.0, 60, 0.4, False, False), Step(1.5, 45, 1.0, True, False))
    return replace(result(), capacity=Capacity(1.0, 1.5, steps))


def shared() -> Result:
    """One tenant offers ten times the load of the others, and is refused some of it."""
    records = []
    for index in range(120):
        tenant = "a" if index % 12 == 0 else "b" if index % 12 == 6 else "c"
        refused = tenant == "c" and index % 5 == 0
        ending = Ending.HTTP_429 if refused else Ending.OK
        label = Label(index, tenant=tenant)
        records.append(record(at_s=index / 20, ttft_s=None if refused else 0.1, ending=ending, label=label))
    return result(records, plan=Plan(tenants=(Tenant("a", 1.0), Tenant("b", 1.0), Tenant("c", 10.0))))


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("summary.txt", lambda: text_report(result(gates=GATES))),
        ("phases.txt", lambda: text_report(result(phases=True, cpu_s=2.9))),
        ("pairs.txt", lambda: text_report(paired())),
        ("tenants.txt", lambda: text_report(shared())),
        ("tenants.md", lambda: markdown_report(shared())),
        ("capacity.txt", lambda: text_report(searched())),
        ("interrupted.txt", lambda: text_report(result([], interrupted=True))),
        ("summary.md", lambda: markdown_report(result(gates=GATES))),
        ("summary.json", lambda: json_report(result(gates=GATES, phases=True))),
        ("requests.csv", lambda: csv_report(result().records[:10])),
        ("requests.ndjson", lambda: ndjson_report(result().records[:10])),
        ("gates.xml", lambda: junit_report(result(gates=GATES))),
        ("failures.xml", lambda: junit_report(result())),
    ],
)
def test_report_is_the_one_that_was_looked_at(name: str, report: Callable[[], str]) -> None:
    assert same_as_golden(name, report())


def test_the_summary_fits_a_terminal_and_begins_with_the_verdict() -> None:
    lines = text_report(result(gates=GATES)).splitlines()
    assert lines[0] == "Success: 58/60  GATE FAILED (2 of 4)"
    assert max(map(len, lines)) <= 120


def test_a_sample_too_small_for_a_percentile_shows_a_dash_and_says_what_to_do() -> None:
    text = text_report(result([record(i) for i in range(30)]))
    row = next(line for line in text.splitlines() if "ttft      since schedule" in line)
    assert "~100 ms" in row
    assert row.count("–") == 3
    assert "use -n 500" in text


def hostile() -> Record:
    evil = record(0, node='=cmd|"/x"!A1', reason="a|b`<script>@team")
    return replace(evil, detail='=1+1, "quoted"')


def test_csv_cells_are_no_formulas_and_csv_reads_back() -> None:
    row = next(csv.DictReader(io.StringIO(csv_report([hostile()]))))
    assert list(row) == list(FIELDS)
    assert (row["node"], row["detail"]) == ('\'=cmd|"/x"!A1', '\'=1+1, "quoted"')


def test_markdown_neither_breaks_its_table_nor_calls_people() -> None:
    text = markdown_report(result([hostile()] * 3, gates=["reason:a|b.errors>0"]))
    assert "@team" not in text
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") in (3, 6, 7) for line in rows)


def test_junit_is_xml_whose_counts_are_right() -> None:
    suite = ElementTree.fromstring(junit_report(result(gates=GATES))).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("5", "2")
    assert [case.get("name") for case in suite] == [*GATES, "client kept up"]


def test_ndjson_has_one_object_a_line_with_the_fields_of_the_csv() -> None:
    lines = ndjson_report(result().records).splitlines()
    assert len(lines) == 60
    assert list(json.loads(lines[0])) == list(FIELDS) == list(request_row(record(0)))


def test_no_report_holds_the_key() -> None:
    assert "sk-" not in json_report(result()) + text_report(result())
