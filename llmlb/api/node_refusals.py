"""Every way in which an operation on nodes is refused, in one place."""

from __future__ import annotations

import math

from llmlb.api.answers import ApiRefusal
from llmlb.core.node import NodeId


def node_not_found(node_id: str) -> ApiRefusal:
    message = f"No node is called {node_id[:100]!r}. List the nodes with llmlb nodes list; an agent registers again."
    return ApiRefusal(404, "node_not_found", message, param="node_id")


def node_rejected(node_id: str) -> ApiRefusal:
    message = (
        f"The node {node_id[:100]!r} was rejected by an operator. It may come back after 24 h, or at once after "
        f"llmlb nodes approve {node_id[:100]}."
    )
    return ApiRefusal(403, "node_rejected", message, param="node_id")


def node_id_taken(node_id: str) -> ApiRefusal:
    message = (
        f"The node id {node_id!r} is taken, and this request does not carry its current X-Node-Token. Choose another "
        f"id (llmlb agent --node-id), or give the agent the token of that node (XLLM_TOKEN)."
    )
    return ApiRefusal(409, "node_id_taken", message, param="node_id")


def node_changed(node_id: NodeId, revision: int) -> ApiRefusal:
    message = (
        f"The node {node_id!r} has changed meanwhile (revision {revision}). Look at it again and repeat the command."
    )
    return ApiRefusal(409, "node_changed", message, param="if-match")


def bad_revision(text: str) -> ApiRefusal:
    message = f"If-Match must be a node's revision, a whole number, not {text[:40]!r}. Leave it out to do it anyway."
    return ApiRefusal(400, "invalid_if_match", message, param="if-match")


def fleet_full(limit: int) -> ApiRefusal:
    message = f"The fleet has its {limit} nodes. Delete one with llmlb nodes delete, or raise registration.max_nodes."
    return ApiRefusal(429, "too_many_nodes", message, retry_after_s=60)


def too_many_pending(limit: int) -> ApiRefusal:
    message = (
        f"{limit} nodes wait for approval already. An operator approves or rejects some with llmlb nodes list "
        "--state pending; then try again."
    )
    return ApiRefusal(429, "too_many_pending", message, retry_after_s=60)


def too_many_registrations(per_minute: int, wait_s: float) -> ApiRefusal:
    message = (
        f"This address may register {per_minute} nodes a minute. Try again after the Retry-After time, or use a join "
        "token (llmlb agent --join-token)."
    )
    return ApiRefusal(429, "too_many_registrations", message, retry_after_s=max(1, math.ceil(wait_s)))


def too_fast(wait_s: float) -> ApiRefusal:
    message = "More than 2 heartbeats in a second. Send one every heartbeat_secs; this one was not counted."
    return ApiRefusal(429, "too_many_heartbeats", message, retry_after_s=max(1, math.ceil(wait_s)))


def duplicate_instance(node_id: NodeId) -> ApiRefusal:
    message = (
        f"Another process sends heartbeats as {node_id!r} and was here first. Stop one of the two, or register this "
        "one under another id (llmlb agent --node-id)."
    )
    return ApiRefusal(409, "duplicate_instance", message, param="boot_id")
