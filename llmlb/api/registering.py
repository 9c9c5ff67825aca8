"""Registration: how a stranger becomes a pending node, and how a known node comes back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llmlb.api.access import Call
from llmlb.api.admitting import admit
from llmlb.api.answers import denied
from llmlb.api.audit import Act, audit_row
from llmlb.api.beats import check_interval, first_words
from llmlb.api.node_acts import approved_record
from llmlb.api.node_records import NodeRecord, effective_score, node_row
from llmlb.api.node_refusals import node_id_taken, node_rejected
from llmlb.api.node_urls import is_same_origin, node_address, pinned_address
from llmlb.api.services import Services
from llmlb.auth.principals import Denial, Principal
from llmlb.auth.tokens import hash_token, new_node_token
from llmlb.auth.urls import NodeAddress
from llmlb.core.circuit import Circuit
from llmlb.core.health import NodeState
from llmlb.core.node import Gpu, Node, NodeId, Profile
from llmlb.store.rows import NodeRow
from llmlb.wire.registration import Registration, RegistrationReply


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registration led to. is_new: the node was not known before."""

    reply: RegistrationReply
    is_new: bool


async def register(call: Call, message: Registration) -> Registered:
    """Adds a node, or renews what a known one says about itself. The store has it before this returns."""
    services = call.services
    voucher = _voucher(call, message)
    if voucher is not None:
        call = replace(call, principal=voucher)
    check_interval(message.heartbeat_secs, dev=services.dev)
    address = node_address(services, message.url)
    node_id = _named_id(call) or _free_id(services) if message.node_id is None else NodeId(message.node_id)
    services.arriving.add(node_id)
    try:
        async with services.locks.hold(f"node:{node_id}"), services.locks.hold(_join_lock(call, node_id)):
            _refuse_rejected(services, node_id)
            node = services.fleet.get(node_id)
            if node is not None:
                return await _renew(call, node, message, address)
            return await _add(call, node_id, message, address=address, is_vouched=voucher is not None)
    finally:
        services.arriving.discard(node_id)


def _named_id(call: Call) -> NodeId | None:
    """The node whose token comes with a registration that names none."""
    credential = call.headers.get("x-node-token", "").encode("latin-1")
    owner = call.services.gatekeeper.node_token(credential)
    return None if isinstance(owner, Denial) else NodeId(owner.node_id)


def _voucher(call: Call, message: Registration) -> Principal | None:
    """The administrator who registers the node, if one does. Without an agent, nobody else may."""
    given = call.headers.get("authorization", "").encode("latin-1")
    if message.agent and not given:
        return None
    caller = call.services.gatekeeper.admin(given, call.services.now_unix_s())
    if not isinstance(caller, Denial):
        return caller
    if not message.agent:
        raise denied(caller, param="agent")
    return None


def _join_lock(call: Call, node_id: NodeId) -> str:
    """Registrations with a join token go one at a time, so that one that fails can give its use back."""
    return "join tokens" if "x-join-token" in call.headers else f"joining:{node_id}"


def _free_id(services: Services) -> NodeId:
    taken = {*services.arriving, *services.rejected}
    number = 1
    while (node_id := NodeId(f"node-{number}")) in taken or node_id in services.fleet:
        number += 1
    return node_id


def _refuse_rejected(services: Services, node_id: NodeId) -> None:
    until = services.rejected.get(node_id)
    if until is not None and services.now_unix_s() < until:
        raise node_rejected(node_id)
    services.rejected.pop(node_id, None)


async def _add(
    call: Call, node_id: NodeId, message: Registration, *, address: NodeAddress, is_vouched: bool
) -> Registered:
    services = call.services
    entry = admit(call, is_vouched=is_vouched)
    token = new_node_token()
    profile = _profile(services, node_id, message, Profile(url=address.url))
    try:
        record = NodeRecord(hash_token(token), api_key=message.api_key or "", registered_at=services.now_unix_s())
        if profile.agentless:
            record = await approved_record(services, record, address.url)
        audit = audit_row(call, Act.NODE_ADD, node_id, address.url) if profile.agentless else None
        await services.store.save_node(_first_row(node_id, profile, record, message), audit=audit)
    except BaseException:
        entry.give_back()
        raise
    node = _adopt(call, node_id, profile, record=record, message=message)
    await entry.keep()
    return Registered(_reply(services, node, token), is_new=True)


def _adopt(call: Call, node_id: NodeId, profile: Profile, *, record: NodeRecord, message: Registration) -> Node:
    services, now_s = call.services, call.services.now_s()
    node, changes = services.fleet.register(node_id, profile, first_words(message), now_s)
    services.node_records[node_id] = record
    services.gatekeeper.put_node_token(node_id, record.token_hash)
    if profile.agentless:
        changes += services.fleet.approve(node, now_s)
        services.probe(node)
    services.announce(changes, actor=call.actor)
    return node


async def _renew(call: Call, node: Node, message: Registration, address: NodeAddress) -> Registered:
    """A known node is back. It shows its token; at another address it needs approval again, unless that is allowed."""
    services = call.services
    credential = call.headers.get("x-node-token", "")
    if isinstance(services.gatekeeper.node_token(credential.encode("latin-1"), node.id), Denial):
        raise node_id_taken(node.id)
    old = services.node_records[node.id]
    profile = _profile(services, node.id, message, replace(node.profile, url=address.url))
    has_moved = node.is_approved and not is_same_origin(address, node.profile.url)
    loses_approval = has_moved and not services.settings.registration.allow_address_change
    record = replace(old, api_key=old.api_key if message.api_key is None else message.api_key)
    if loses_approval:
        record = replace(record, address="", approved_at=None)
    elif has_moved:
        record = replace(record, address=await pinned_address(services, address.url))
    await services.store.save_node(_renewed_row(node, profile, record, loses_approval=loses_approval))
    is_dialled_differently = record != old or profile.url != node.profile.url
    now_s = services.now_s()
    _, changes = services.fleet.register(node.id, profile, first_words(message), now_s)
    if loses_approval:
        changes += services.fleet.move(node, now_s)
    services.node_records[node.id] = record
    if is_dialled_differently:
        services.redial(node)
    services.announce(changes, actor=f"node:{node.id}")
    return Registered(_reply(services, node, credential.strip()), is_new=False)


def _profile(services: Services, node_id: NodeId, message: Registration, base: Profile) -> Profile:
    """What the node says about itself, over what is known; the operator's words stay."""
    configured = services.settings.nodes.get(node_id)
    record = services.node_records.get(node_id)
    return replace(
        base,
        machine_name=base.machine_name if message.machine_name is None else message.machine_name,
        engine=base.engine if message.engine is None else message.engine,
        agent_version=base.agent_version if message.agent_version is None else message.agent_version,
        gpus=base.gpus
        if message.gpus is None
        else tuple(Gpu(gpu.model, gpu.vram_total_mb or 0) for gpu in message.gpus),
        agentless=not message.agent,
        score_override=effective_score(record.score if record else None, configured),
        concurrency_configured=None if configured is None else configured.max_concurrency,
    )


def _first_row(node_id: NodeId, profile: Profile, record: NodeRecord, message: Registration) -> NodeRow:
    words = first_words(message)
    node = Node(
        id=node_id,
        profile=profile,
        circuit=Circuit(),
        state=NodeState.OFFLINE if profile.agentless else NodeState.PENDING,
        revision=2 if profile.agentless else 1,
        interval_s=words.interval_s or 30.0,
        loaded=words.loaded_models,
        available=words.available_models,
        reported_score=words.capability_score or 0,
    )
    return node_row(node, record)


def _renewed_row(node: Node, profile: Profile, record: NodeRecord, *, loses_approval: bool) -> NodeRow:
    row = replace(
        node_row(node, record),
        url=profile.url,
        machine_name=profile.machine_name,
        engine=profile.engine,
        agent_version=profile.agent_version,
        agentless=profile.agentless,
        revision=node.revision + 1,
    )
    if not loses_approval:
        return row
    return replace(row, approval="pending", state="pending", revision=node.revision + 2)


def _reply(services: Services, node: Node, token: str) -> RegistrationReply:
    return RegistrationReply(
        node_id=node.id,
        state=node.state.value,
        node_token=token,
        heartbeat_secs=node.interval_s,
        node_timeout_secs=services.fleet.rules.node_timeout_s,
    )
