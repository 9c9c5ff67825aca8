from __future__ import annotations

import pytest

from llmlb.errors import ConfigurationError
from llmlb.loadtest.traces import TraceEntry, read_trace

AZURE_CONDENSED = ["t_ms,input_tokens,output_tokens\n", "100,374,44\n", "4414,396,\n", "\n"]
AZURE_ORIGINAL = [
    "TIMESTAMP,ContextTokens,GeneratedTokens\n",
    "2023-11-16 18:15:46.6805900,374,44\n",
    "2023-11-16 18:15:50.9951690,396,109\n",
]
MOONCAKE_CONDENSED = ['{"t":27482,"in":6758,"out":500,"h":"0-2,7"}\n', '{"t":27482,"in":9,"out":1,"h":""}\n']
MOONCAKE_ORIGINAL = ['{"timestamp": 3000, "input_length": 600, "output_length": 5, "hash_ids": [4, 5]}\n']


def test_condensed_azure_trace_is_read_and_starts_at_zero() -> None:
    first, second = read_trace(AZURE_CONDENSED)
    assert first == TraceEntry(0.0, 374, 44)
    assert second.at_s == pytest.approx(4.314)
    assert (second.input_tokens, second.output_tokens) == (396, 1)


def test_original_azure_trace_is_read_with_its_seven_digits() -> None:
    first, second = read_trace(AZURE_ORIGINAL)
    assert second.at_s - first.at_s == pytest.approx(4.314579, abs=1e-5)
    assert (second.input_tokens, second.output_tokens) == (396, 109)


def test_mooncake_traces_are_read_in_both_spellings() -> None:
    assert read_trace(MOONCAKE_CONDENSED)[0] == TraceEntry(0.0, 6758, 500, (0, 1, 2, 7))
    assert read_trace(MOONCAKE_ORIGINAL) == (TraceEntry(0.0, 600, 5, (4, 5)),)


def test_the_limit_takes_the_first_requests() -> None:
    assert len(read_trace(AZURE_CONDENSED, limit=1)) == 1


def test_a_trace_out_of_order_is_put_in_order() -> None:
    assert [e.at_s for e in read_trace([AZURE_CONDENSED[0], "500,1,1\n", "0,2,2\n"])] == [0.0, 0.5]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "no column"),
        (["t_ms,input_tokens,output_tokens\n"], "no requests"),
        (["a,b,c\n", "1,2,3\n"], "names no column"),
        (["t_ms,input_tokens,output_tokens\n", "x,1,1\n"], "line 2"),
        (["t_ms,input_tokens,output_tokens\n", "0,-1,1\n"], "line 2 of the trace is out of range"),
        (["t_ms,input_tokens,output_tokens\n", "0,1\n"], "line 2"),
        (["t_ms,input_tokens,output_tokens\n", "nan,1,1\n"], "line 2"),
        (['{"t":0,"in":1,"out":1}\n', "{\n"], "line 2"),
        (['{"t":0,"in":1}\n'], "line 1 of the trace has no field 'output_length'"),
        (['{"t":0,"in":1,"out":1,"h":"0-999999999"}\n'], "more prefix blocks"),
        (['{"t":0,"in":1,"out":1,"h":7}\n'], "no list"),
        (['{"t":' + "[" * 50_000 + "\n"], "line 1"),
    ],
)
def test_a_broken_trace_is_refused_with_the_line(lines: list[str], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read_trace(lines)
