"""JUnit XML: each gate is a test case, so that a CI server shows which one failed and since when."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from llmlb.loadtest.report.text import success_line
from llmlb.loadtest.result import Result
from llmlb.loadtest.text import plain


def junit_report(result: Result) -> str:
    """One suite; without gates, the requests themselves are the test case. The client's honesty is one too."""
    duration_s = f"{result.summary.rates.window_s:.3f}"
    cases = [
        *((plain(verdict.gate.text), "" if verdict.passed else verdict.note) for verdict in result.verdicts),
        *([] if result.plan.gates else [("requests answered", _failures(result))]),
        ("client kept up", "; ".join(result.honesty.faults)),
    ]
    failures = sum(bool(note) for _, note in cases)
    suite = ElementTree.Element(
        "testsuite",
        {"name": "llmlb loadtest", "tests": str(len(cases)), "failures": str(failures), "time": duration_s},
    )
    for name, note in cases:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "llmlb.loadtest", "name": name})
        if note:
            ElementTree.SubElement(case, "failure", {"message": plain(note)})
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _failures(result: Result) -> str:
    failed = result.has_ungated_failures or result.never_connected or result.interrupted
    return success_line(result.summary) if failed else ""
