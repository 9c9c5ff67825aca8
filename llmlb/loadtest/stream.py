"""The run as it happens, one JSON object a line, for the program that started us."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence

from llmlb.loadtest.compare import Comparison
from llmlb.loadtest.gates import Gate
from llmlb.loadtest.report.document import document, gate_rows
from llmlb.loadtest.report.fields import rounded
from llmlb.loadtest.report.requests import request_row
from llmlb.loadtest.result import Result
from llmlb.loadtest.tally import Part, Progress, Quick
from llmlb.loadtest.verdicts import Verdict

_END = ""


class Outlet:
    """Writes lines from a thread of its own: a reader that stops reading must not stop the clock.

    on_broken: called once, from that thread, when the reader is gone.
    """

    def __init__(self, write: Callable[[str], None], *, on_broken: Callable[[], None]) -> None:
        self._write = write
        self._on_broken = on_broken
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._drain, name="loadtest-stream", daemon=True)
        self._thread.start()

    def put(self, value: Mapping[str, object]) -> None:
        """Queues one object; never waits."""
        self.say(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")

    def say(self, line: str) -> None:
        """Queues one line that is not empty; never waits."""
        self._lines.put(line)

    def close(self) -> None:
        """Waits until everything is written; raises what the writing raised."""
        self._lines.put(_END)
        self._thread.join()
        if self._broken is not None:
            raise self._broken

    def _drain(self) -> None:
        while line := self._lines.get():
            if self._broken is not None:
                continue
            try:
                self._write(line)
            except BaseException as error:  # noqa: BLE001  # whatever it is, close() raises it where it belongs
                self._broken = error
                self._on_broken()


def start_line(*, url: str, load: str, gates: Sequence[Gate]) -> dict[str, object]:
    """The first line: what is about to run, and what it will be held against when it is over."""
    return {
        "type": "start",
        "schema_version": 1,
        "target": url,
        "load": load,
        "gates": [gate.text for gate in gates],
    }


def progress_lines(progress: Progress) -> list[dict[str, object]]:
    """One line per request that ended since the last look, and one with the running figures."""
    lines: list[dict[str, object]] = [{"type": "request", **request_row(record)} for record in progress.ended]
    lines.append(
        {
            "type": "progress",
            "phase": progress.phase,
            "elapsed_s": round(progress.elapsed_s, 3),
            "planned": progress.planned,
            "planned_s": rounded(progress.planned_s),
            "scheduled": progress.scheduled,
            "done": progress.done,
            "ok": progress.ok,
            "failed": progress.failed,
            "in_flight": progress.in_flight,
            "ok_per_s": rounded(progress.ok_per_s, 3),
            "tokens_per_s": rounded(progress.tokens_per_s, 3),
            "ttft_ms": _quick(progress.ttft_ms),
            "e2e_ms": _quick(progress.e2e_ms),
            "endings": {str(ending): count for ending, count in progress.endings.items()},
            "reasons": progress.reasons,
            "nodes": [{"node": part.name, **_part(part)} for part in progress.nodes],
            "tenants": [{"tenant": part.name, **_part(part)} for part in progress.tenants],
            "retries": progress.retries,
            "ttft_bars": [[round(low, 3), round(high, 3), count] for low, high, count in progress.ttft_bars],
            "lag_p99_ms": rounded(progress.lag_ms, 3),
        }
    )
    return lines


def gates_line(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """How the gates stand over the requests that have ended; the result has the last word."""
    return {"type": "gates", "gates": gate_rows(verdicts)}


def result_line(result: Result) -> dict[str, object]:
    """The whole JSON document."""
    return {"type": "result", **document(result)}


def comparison_line(comparison: Comparison) -> dict[str, object]:
    """The line behind the result of a run with a baseline. Times in ms, shares and changes of 1."""
    before, after = comparison.errors
    return {
        "type": "comparison",
        "before": comparison.before,
        "after": comparison.after,
        "unlike": list(comparison.unlike),
        "rows": [
            {
                "metric": row.metric,
                "percentile": row.q,
                "before_ms": rounded(row.before, 3),
                "after_ms": rounded(row.after, 3),
                "change": rounded(row.change),
                "interval": [rounded(end) for end in row.interval],
                "verdict": str(row.verdict),
            }
            for row in comparison.rows
        ],
        "errors": {"before": rounded(before), "after": rounded(after), "verdict": str(comparison.errors_verdict)},
        "p_values": {metric: rounded(value) for metric, value in comparison.p_values.items()},
    }


def _part(part: Part) -> dict[str, object]:
    return {"requests": part.requests, "failed": part.failed, "ttft_ms": _quick(part.ttft_ms)}


def _quick(quick: Quick) -> dict[str, object]:
    return {
        "p50": rounded(quick.p50, 3),
        "p90": rounded(quick.p90, 3),
        "p99": rounded(quick.p99, 3),
        "max": rounded(quick.maximum, 3),
    }
