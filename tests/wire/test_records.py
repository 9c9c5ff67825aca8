from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmlb.wire.records import Silence


def test_a_silence_lasts_an_hour_unless_said_otherwise_and_never_for_ever() -> None:
    assert Silence.model_validate_json("{}").seconds == 3600
    assert Silence.model_validate_json('{"seconds": 0}').seconds == 0
    for body in ('{"seconds": -1}', '{"seconds": 2592001}', '{"seconds": 1.5}', '{"for": "1h"}'):
        with pytest.raises(ValidationError):
            Silence.model_validate_json(body)
