from __future__ import annotations

from loadtest.examples import record

from llmlb.loadtest.objectives import is_good
from llmlb.loadtest.plan import Slo
from llmlb.loadtest.results import summarise
from llmlb.loadtest.taxonomy import Ending


def test_goodput_counts_errors_as_bad_and_needs_every_objective() -> None:
    slo = Slo(ttft_s=0.2, tpot_s=0.05)
    records = [
        record(0, ttft_s=0.1),
        record(1, ttft_s=0.3),
        record(2, ttft_s=0.1, gaps_s=(0.2, 0.2)),
        record(3, ttft_s=None, ending=Ending.STALL),
    ]
    assert [is_good(each, slo) for each in records] == [True, False, False, False]
    goodput = summarise(records, slo=slo, seed=1).goodput
    assert (goodput.good, goodput.share) == (1, 0.25)
