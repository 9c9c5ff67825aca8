from __future__ import annotations

import json
import string

from hypothesis import given
from hypothesis import strategies as st

from llmlb.config.alerts import Severity
from llmlb.core.node import NodeId
from llmlb.telemetry.alert import Alert, alert_id_of


@given(st.text(), st.text())
def test_an_id_is_stable_and_safe_in_a_path(rule: str, subject: str) -> None:
    made = alert_id_of(rule, subject)
    assert made == alert_id_of(rule, subject)
    assert len(made) == 12
    assert set(made) <= set(string.hexdigits)


def test_rule_and_subject_cannot_be_shifted_into_each_other() -> None:
    assert alert_id_of("a", "bc") != alert_id_of("ab", "c")


def test_the_fields_of_an_alert_are_plain_and_complete() -> None:
    alert = Alert("id", "rule", Severity.WARNING, "s", NodeId("n"), "cause", "hint", 1.0)
    assert set(json.loads(json.dumps(alert.fields()))) == set(Alert.__dataclass_fields__)
    assert alert.is_firing
