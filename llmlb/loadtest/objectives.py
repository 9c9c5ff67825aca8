"""What makes an answered request a good one. Pure."""

from __future__ import annotations

from llmlb.loadtest.plan import Slo
from llmlb.loadtest.record import Record


def is_good(record: Record, slo: Slo) -> bool:
    """Answered, and within every objective; an objective on tokens does not bind an answer without them."""
    if not record.ending.is_ok:
        return False
    wanted = ((record.ttft_s, slo.ttft_s), (record.tpot_s, slo.tpot_s), (record.e2e_s, slo.e2e_s))
    return all(limit_s is None or taken_s is None or taken_s <= limit_s for taken_s, limit_s in wanted)
