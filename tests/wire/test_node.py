from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmlb.wire.node import NodePatch, NodeView

LISTED = (
    "id state draining late url machine_name name tags note gpu_usage vram_usage temperature cpu_usage memory_usage "
    "active_requests total_requests failed_requests avg_response_time_ms avg_ttft_ms last_seen uptime_seconds "
    "heartbeats timeouts capability_score max_concurrency loaded_models available_models gpus metrics_available "
    "metrics_age_seconds circuit excluded_by revision vram_metrics_available"
)


def test_a_listed_node_has_the_promised_fields_in_their_order() -> None:
    assert " ".join(NodeView.model_fields) == LISTED


def test_a_patch_tells_what_was_left_out_from_what_was_taken_back() -> None:
    patch = NodePatch.model_validate_json('{"note": null, "max_concurrency": 4}')
    assert patch.model_fields_set == {"note", "max_concurrency"}


@pytest.mark.parametrize(
    "body",
    [
        '{"nme": "x"}',
        '{"max_concurrency": 0}',
        '{"capability_score": -1}',
        '{"tags": ["' + "t" * 65 + '"]}',
        '{"tags": [' + ",".join(['"t"'] * 33) + "]}",
        '{"note": "' + "n" * 2001 + '"}',
        '{"api_key": "a b"}',
        '{"name": 3}',
    ],
)
def test_a_patch_with_a_wrong_field_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        NodePatch.model_validate_json(body)


def test_what_an_operator_writes_is_cleaned_too() -> None:
    patch = NodePatch.model_validate_json('{"name": "a\\u001b[1m", "tags": ["x\\u202e", "x"], "note": "n\\u0007"}')
    assert (patch.name, patch.tags, patch.note) == ("a[1m", ("x",), "n")
