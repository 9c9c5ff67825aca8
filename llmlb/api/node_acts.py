"""What operators do to nodes.

Each act goes the same way: under the node's lock, the row as it will be is written with its audit row; only then the
core changes, which cannot fail; then it is told. A store that cannot write therefore leaves everything as it was.
"""

from __future__ import annotations

from dataclasses import replace

from llmlb.api.access import Call
from llmlb.api.audit import Act, audit_row
from llmlb.api.node_records import NodeRecord, effective_score, node_row
from llmlb.api.node_refusals import bad_revision, node_changed, node_not_found
from llmlb.api.node_urls import pinned_address
from llmlb.api.services import Services
from llmlb.auth.tokens import hash_token, new_node_token
from llmlb.core.change import Change, ChangeKind
from llmlb.core.circuit import Circuit
from llmlb.core.health import NodeState
from llmlb.core.node import Node, NodeId, Profile
from llmlb.store.rows import NodeRow
from llmlb.wire.node import NodePatch

REJECTION_S = 24 * 3600.0


async def approve(call: Call, node_id: NodeId) -> Node:
    """Lets a pending node work, at the address that its URL leads to now. A rejected id may register again."""
    services = call.services
    async with services.locks.hold(f"node:{node_id}"):
        if node_id not in services.fleet and node_id in services.rejected:
            return await _lift_rejection(call, node_id)
        node = _known(call, node_id)
        if node.state is not NodeState.PENDING:
            return node
        record = await approved_record(services, services.node_records[node.id], node.profile.url)
        row = replace(node_row(node, record), approval="approved", state="offline", revision=node.revision + 1)
        await services.store.save_node(row, audit=audit_row(call, Act.NODE_APPROVE, node.id, node.profile.url))
        _still_known(services, node)
        services.node_records[node.id] = record
        services.redial(node)
        services.announce(services.fleet.approve(node, services.now_s()), actor=call.actor)
        services.probe(node)
        return node


async def approved_record(services: Services, record: NodeRecord, url: str) -> NodeRecord:
    """The record of a node that is about to be approved: its address pinned. Raises NodeUrlRefused."""
    address = await pinned_address(services, url)
    return replace(record, address=address, approved_at=services.now_unix_s())


async def reject(call: Call, node_id: NodeId) -> Node:
    """Removes a node and refuses its id for a day."""
    services = call.services
    async with services.locks.hold(f"node:{node_id}"):
        node = _known(call, node_id)
        until = services.now_unix_s() + REJECTION_S
        await services.store.reject_node(
            node.id, until, audit=audit_row(call, Act.NODE_REJECT, node.id, node.profile.url)
        )
        services.rejected[node.id] = until
        _remove(services, node, ChangeKind.REJECTED, cause="rejected for 24 h", actor=call.actor)
        return node


async def delete(call: Call, node_id: NodeId) -> None:
    """Removes a node and its token; it may register again."""
    services = call.services
    async with services.locks.hold(f"node:{node_id}"):
        node = _known(call, node_id)
        await services.store.delete_node(node.id, audit=audit_row(call, Act.NODE_DELETE, node.id, node.profile.url))
        _remove(services, node, ChangeKind.DELETED, cause="deleted", actor=call.actor)


async def drain(call: Call, node_id: NodeId, reason: str = "") -> Node:
    """Gives a node nothing new; what it has it finishes. reason: why, for the audit and the event."""
    return await _set_draining(call, node_id, draining=True, reason=reason)


async def undrain(call: Call, node_id: NodeId) -> Node:
    """Gives a node work again."""
    return await _set_draining(call, node_id, draining=False)


async def rotate_token(call: Call, node_id: NodeId) -> tuple[Node, str]:
    """Replaces a node's token. Returns the new one, which nobody can see again; the old one ends at once."""
    services = call.services
    async with services.locks.hold(f"node:{node_id}"):
        node = _known(call, node_id)
        token = new_node_token()
        record = replace(services.node_records[node.id], token_hash=hash_token(token))
        row = replace(node_row(node, record), revision=node.revision + 1)
        await services.store.save_node(row, audit=audit_row(call, Act.NODE_ROTATE, node.id))
        _still_known(services, node)
        services.node_records[node.id] = record
        services.gatekeeper.put_node_token(node.id, record.token_hash)
        services.announce(services.fleet.edit(node, node.profile, services.now_s()), actor=call.actor)
        return node, token


async def edit(call: Call, node_id: NodeId, patch: NodePatch) -> Node:
    """Changes what an operator may say about a node: only the fields that the patch holds."""
    services = call.services
    async with services.locks.hold(f"node:{node_id}"):
        node = _known(call, node_id)
        if not patch.model_fields_set:
            return node
        record = _patched_record(services.node_records[node.id], patch)
        profile = _patched_profile(services, node, record, patch)
        row = _edited_row(node, record, profile)
        said = ", ".join(sorted(patch.model_fields_set))
        await services.store.save_node(row, audit=audit_row(call, Act.NODE_EDIT, node.id, said))
        _still_known(services, node)
        services.node_records[node.id] = record
        if "api_key" in patch.model_fields_set:
            services.redial(node)
        services.announce(services.fleet.edit(node, profile, services.now_s()), actor=call.actor)
        return node


async def keep(services: Services, node_id: NodeId) -> None:
    """Writes a node as it is now. Whoever saves nodes behind the acts' back would undo one that is under way."""
    async with services.locks.hold(f"node:{node_id}"):
        node, record = services.fleet.get(node_id), services.node_records.get(node_id)
        if node is not None and record is not None:
            await services.store.save_node(node_row(node, record))


async def forget_expired(services: Services, node_id: NodeId) -> None:
    """Removes what is left of a pending node that the fleet dropped by itself."""
    async with services.locks.hold(f"node:{node_id}"):
        if node_id in services.fleet:
            return
        services.gatekeeper.drop_node(node_id)
        services.node_records.pop(node_id, None)
        services.forget_figures(node_id)
        await services.store.delete_node(node_id)


async def _set_draining(call: Call, node_id: NodeId, *, draining: bool, reason: str = "") -> Node:
    services = call.services
    async with services.locks.hold(f"node:{node_id}"):
        node = _known(call, node_id)
        if node.draining is draining:
            return node
        row = replace(node_row(node, services.node_records[node.id]), draining=draining, revision=node.revision + 1)
        act = Act.NODE_DRAIN if draining else Act.NODE_UNDRAIN
        await services.store.save_node(row, audit=audit_row(call, act, node.id, reason))
        _still_known(services, node)
        now_s = services.now_s()
        fleet = services.fleet
        changes = fleet.drain(node, now_s, reason=reason) if draining else fleet.undrain(node, now_s)
        services.announce(changes, actor=call.actor)
        return node


async def _lift_rejection(call: Call, node_id: NodeId) -> Node:
    """The id may register again. There is no node yet: the answer describes one that has said nothing."""
    services = call.services
    await services.store.lift_rejection(node_id, audit=audit_row(call, Act.NODE_LIFT, node_id))
    services.rejected.pop(node_id, None)
    return Node(id=node_id, profile=Profile(url=""), circuit=Circuit(), revision=0)


def _known(call: Call, node_id: NodeId) -> Node:
    """The node, if it is still as the caller believes it to be."""
    node = call.services.fleet.get(node_id)
    if node is None:
        raise node_not_found(node_id)
    expected = call.headers.get("if-match", "").strip()
    if expected in ("", "*"):
        return node
    digits = expected.removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        raise bad_revision(expected)
    if int(digits) != node.revision:
        raise node_changed(node.id, node.revision)
    return node


def _still_known(services: Services, node: Node) -> None:
    """Time may have dropped a pending node while the store wrote; ``forget_expired`` then removes its row."""
    if services.fleet.get(node.id) is not node:
        raise node_not_found(node.id)


def _remove(services: Services, node: Node, kind: ChangeKind, *, cause: str, actor: str) -> None:
    changes: list[Change] = []
    if services.fleet.get(node.id) is node:
        changes = services.fleet.remove(node, kind, cause=cause)
    services.gatekeeper.drop_node(node.id)
    services.node_records.pop(node.id, None)
    services.balancer.forget(node.id)
    services.forget_figures(node.id)
    services.redial(node)
    services.announce(changes, actor=actor)


def _patched_record(record: NodeRecord, patch: NodePatch) -> NodeRecord:
    given = patch.model_fields_set
    return replace(
        record,
        api_key=(patch.api_key or "") if "api_key" in given else record.api_key,
        score=patch.capability_score if "capability_score" in given else record.score,
    )


def _patched_profile(services: Services, node: Node, record: NodeRecord, patch: NodePatch) -> Profile:
    given, profile = patch.model_fields_set, node.profile
    limit = patch.max_concurrency if "max_concurrency" in given else profile.concurrency_override
    return replace(
        profile,
        name=(patch.name or "") if "name" in given else profile.name,
        tags=(patch.tags or ()) if "tags" in given else profile.tags,
        note=(patch.note or "") if "note" in given else profile.note,
        score_override=effective_score(record.score, services.settings.nodes.get(node.id)),
        concurrency_override=limit,
    )


def _edited_row(node: Node, record: NodeRecord, profile: Profile) -> NodeRow:
    return replace(
        node_row(node, record),
        name=profile.name,
        tags=profile.tags,
        note=profile.note,
        max_concurrency=profile.concurrency_override,
        revision=node.revision + 1,
    )
