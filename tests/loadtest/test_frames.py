from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest.examples import fleet_records, record

from llmlb.loadtest.arrivals import Constant, Stage
from llmlb.loadtest.frames import FrameReader, Opening, frame
from llmlb.loadtest.gates import parse_gate
from llmlb.loadtest.plan import OpenLoop, Plan, Slo, Tenant
from llmlb.loadtest.record import Label
from llmlb.loadtest.tally import Progress, Tally

OPENING = Opening.of(
    Plan(
        OpenLoop(Constant(), (Stage(1.0, 2.0, 2.0),)),
        slo=Slo(ttft_s=0.5),
        gates=(parse_gate("errors>0"),),
        weights=(("n1", 2.0),),
        tenants=(Tenant("a", 1.0), Tenant("b", 3.0)),
    ),
    "http://h",
)


def looks() -> list[Progress]:
    tally = Tally()
    found = []
    for count, each in enumerate([*fleet_records(), record(label=Label(99, tenant="a", pair=3))]):
        tally.add(each)
        if count % 20 == 0:
            found.append(tally.look(float(count)))
    return found


SENT: list[Opening | Progress] = [OPENING, *looks()]
BYTES = b"".join(map(frame, SENT))


@given(st.lists(st.integers(0, len(BYTES)), max_size=6).map(sorted))
def test_frames_come_out_as_they_went_in_however_the_pipe_cuts_them(cuts: list[int]) -> None:
    reader = FrameReader()
    edges = [0, *cuts, len(BYTES)]
    found = [each for start, end in itertools.pairwise(edges) for each in reader.feed(BYTES[start:end])]
    assert found == SENT


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        FrameReader().feed(b"\0\0\0\3abc")
