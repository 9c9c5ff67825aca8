from __future__ import annotations

from llmlb.wire.insight import ModelEntry, ModelList


def test_the_list_of_models_has_openais_shape() -> None:
    listed = ModelList(data=[ModelEntry(id="m", created=1)])
    assert listed.model_dump() == {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "llmlb"}],
    }
