"""``GET /v1/models``: what clients may ask for, in OpenAI's shape. No node is asked."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llmlb.api.access import Call, ClientCall
from llmlb.api.answers import ApiRefusal, answer
from llmlb.api.services import Services
from llmlb.auth.principals import ApiKey
from llmlb.core.node import canonical_model
from llmlb.wire.insight import ModelEntry, ModelList

router = APIRouter(prefix="/v1/models", tags=["inference"])


@router.get("", response_model=ModelList)
async def list_models(call: ClientCall) -> Response:
    """The models of all approved nodes and the aliases that lead to one, as far as the key may use them."""
    return answer(ModelList(data=[_entry(call, name) for name in _allowed(call)]))


@router.get("/{model:path}", response_model=ModelEntry)
async def get_model(model: str, call: ClientCall) -> Response:
    """One model, by its name or an alias."""
    names = _allowed(call)
    wanted = canonical_model(model)
    found = model if model in names else next((name for name in names if canonical_model(name) == wanted), None)
    if found is None:
        message = f"No node has the model {model[:256]!r}, or this key may not use it. GET /v1/models lists yours."
        raise ApiRefusal(404, "model_not_found", message, param="model")
    return answer(_entry(call, found))


def known_models(services: Services) -> list[str]:
    """Names of the models of approved nodes, as the nodes report them, and of the aliases that lead to one; sorted."""
    by_canonical: dict[str, str] = {}
    reported = {
        name for node in services.fleet if node.is_approved for name in (*node.loaded_models, *node.available_models)
    }
    for name in sorted(reported):
        by_canonical.setdefault(canonical_model(name), name)
    aliases = {alias for alias, target in services.balancer.aliases.items() if canonical_model(target) in by_canonical}
    return sorted({*by_canonical.values(), *aliases})


def _allowed(call: Call) -> list[str]:
    key = call.principal
    assert isinstance(key, ApiKey)  # what Access.CLIENT lets through
    return [name for name in known_models(call.services) if call.services.gatekeeper.may_use_model(key, name)]


def _entry(call: Call, name: str) -> ModelEntry:
    return ModelEntry(id=name, created=int(call.services.started_at_unix_s))
