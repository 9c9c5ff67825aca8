"""``/v0/nodes``: registration, the list, and what operators do to nodes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from llmlb.api import node_acts
from llmlb.api.access import AdminCall, Call, OperatorCall, PublicCall
from llmlb.api.answers import answer, answer_json
from llmlb.api.bodies import JsonBody
from llmlb.api.node_refusals import node_not_found
from llmlb.api.registering import register
from llmlb.api.views import health_view, history_view, node_detail, node_view
from llmlb.core.node import Node, NodeId, canonical_model
from llmlb.wire.node import (
    NodeDetail,
    NodeHealth,
    NodeList,
    NodeMetrics,
    NodePatch,
    NodeStateName,
    NodeToken,
    NodeView,
)
from llmlb.wire.registration import Registration, RegistrationReply
from llmlb.wire.text import clean_text

router = APIRouter(prefix="/v0/nodes", tags=["nodes"])

VIEWS_AT_ONCE = 100
"""About a millisecond of work; then the streams that share the event loop get their turn."""

NodeIdPath = Annotated[str, Path(description="The node's id.")]
Reason = Annotated[str, Query(description="Why; the audit and the event tell it.", max_length=200)]


@router.post("", response_model=RegistrationReply, status_code=201, responses={200: {"model": RegistrationReply}})
async def register_node(
    call: PublicCall, registration: Annotated[Registration, Depends(JsonBody(Registration))]
) -> Response:
    """Registers a node (201), or renews a known one that shows its X-Node-Token (200). The token is shown only here.

    Where the operator demands it, an X-Join-Token is needed. `agent: false` with an admin credential adds an engine
    without an agent: approved at once and polled by the router.
    """
    registered = await register(call, registration)
    return answer(registered.reply, 201 if registered.is_new else 200)


@router.get("", response_model=NodeList)
async def list_nodes(
    call: OperatorCall,
    state: Annotated[NodeStateName | None, Query(description="Only nodes in this state.")] = None,
    model: Annotated[str | None, Query(description="Only nodes that can serve this model.", max_length=256)] = None,
    q: Annotated[str | None, Query(description="Only nodes with this in id, name, machine, URL or a tag.")] = None,
) -> Response:
    """The fleet."""
    fleet, now_s = call.services.fleet, call.services.now_s()
    shown = [node for node in fleet if _matches(node, state=state, model=model, text=q)]
    views = []
    for position, node in enumerate(shown):
        if position % VIEWS_AT_ONCE == VIEWS_AT_ONCE - 1:
            await asyncio.sleep(0)
        views.append(node_view(node, fleet, now_s))
    return answer_json({"nodes": views})


@router.get("/{node_id}", response_model=NodeDetail)
async def get_node(node_id: NodeIdPath, call: OperatorCall) -> Response:
    """One node with its last ten points, its circuit and its last error."""
    return answer_json(node_detail(call.services, _known(call, node_id)))


@router.get("/{node_id}/metrics", response_model=NodeMetrics)
async def get_node_metrics(node_id: NodeIdPath, call: OperatorCall) -> Response:
    """The last ten points of a node's history, oldest first."""
    node = _known(call, node_id)
    return answer_json({"node_id": node.id, "history": history_view(node)})


@router.get("/{node_id}/health", response_model=NodeHealth)
async def get_node_health(node_id: NodeIdPath, call: OperatorCall) -> Response:
    """How a node's heartbeat is doing."""
    return answer_json(health_view(_known(call, node_id), call.services.fleet, call.services.now_s()))


@router.post("/{node_id}/approve", response_model=NodeView)
async def approve_node(node_id: NodeIdPath, call: AdminCall) -> Response:
    """Lets a pending node serve; pins the address that its URL leads to. Of a rejected id, lifts the rejection."""
    return _shown(call, await node_acts.approve(call, NodeId(node_id)))


@router.post("/{node_id}/reject", response_model=NodeView)
async def reject_node(node_id: NodeIdPath, call: AdminCall) -> Response:
    """Removes a node and its token, and refuses its id for 24 h."""
    return _shown(call, await node_acts.reject(call, NodeId(node_id)))


@router.post("/{node_id}/drain", response_model=NodeView)
async def drain_node(node_id: NodeIdPath, call: AdminCall, reason: Reason = "") -> Response:
    """Gives a node nothing new; what it has it finishes."""
    return _shown(call, await node_acts.drain(call, NodeId(node_id), clean_text(reason)))


@router.post("/{node_id}/undrain", response_model=NodeView)
async def undrain_node(node_id: NodeIdPath, call: AdminCall) -> Response:
    """Gives a node work again."""
    return _shown(call, await node_acts.undrain(call, NodeId(node_id)))


@router.post("/{node_id}/rotate-token", response_model=NodeToken)
async def rotate_node_token(node_id: NodeIdPath, call: AdminCall) -> Response:
    """Replaces a node's token. The new one is shown only here; the old one stops working at once."""
    node, token = await node_acts.rotate_token(call, NodeId(node_id))
    return answer_json(node_view(node, call.services.fleet, call.services.now_s()) | {"node_token": token})


@router.patch("/{node_id}", response_model=NodeView)
async def edit_node(
    node_id: NodeIdPath, call: AdminCall, patch: Annotated[NodePatch, Depends(JsonBody(NodePatch))]
) -> Response:
    """Changes name, tags, note, score, limit or engine key; what the body leaves out stays, null takes it back."""
    return _shown(call, await node_acts.edit(call, NodeId(node_id), patch))


@router.delete("/{node_id}", status_code=204, response_class=Response)
async def delete_node(node_id: NodeIdPath, call: AdminCall) -> Response:
    """Removes a node and its token. It may register again."""
    await node_acts.delete(call, NodeId(node_id))
    return Response(status_code=204)


def _known(call: Call, node_id: str) -> Node:
    node = call.services.fleet.get(NodeId(node_id))
    if node is None:
        raise node_not_found(node_id)
    return node


def _shown(call: Call, node: Node) -> Response:
    return answer_json(node_view(node, call.services.fleet, call.services.now_s()))


def _matches(node: Node, *, state: str | None, model: str | None, text: str | None) -> bool:
    if state is not None and node.state.value != state:
        return False
    if model is not None and not node.serves_any and canonical_model(model) not in node.models:
        return False
    if text is None:
        return True
    profile = node.profile
    words = (node.id, profile.name, profile.machine_name, profile.url, *profile.tags)
    return any(text.casefold() in word.casefold() for word in words)
