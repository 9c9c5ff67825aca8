"""What an answer of the router makes the agent do: a table, so that it can be read and tested as one."""

from __future__ import annotations

from enum import StrEnum

from llmlb.errors import ClientError, RouterRefused

REJECTED_RETRY_S = 600.0
"""A rejection lasts a day and is lifted by ``approve``; ten minutes is soon enough to notice."""


TOO_SOON_RETRY_S = 1.5
"""A router counts heartbeats over one second."""


class Reaction(StrEnum):
    """What to do after a refusal or a failure."""

    BACK_OFF = "back off"
    """Try the same again, later and later: the router is away, restarting, or needs a person."""
    REGISTER_AGAIN = "register again"
    """The router does not know this node any more."""
    WAIT_LONG = "wait long"
    """An operator rejected this node."""
    NEXT_BEAT = "next beat"
    """Only this heartbeat is lost; go on at the usual interval."""
    BEAT_SOON = "beat soon"
    """It came too soon after others, as after a quick restart: a whole interval would be too long to wait."""
    OTHER_ID = "other id"
    """Another node has this id; take the next default one, or ask for a person."""


_HEARTBEAT = {
    404: Reaction.REGISTER_AGAIN,
    409: Reaction.NEXT_BEAT,
    422: Reaction.NEXT_BEAT,
    429: Reaction.BEAT_SOON,
}
_REGISTRATION = {409: Reaction.OTHER_ID}

_ADVICE = {
    401: "the node's token is not valid here. Ask an operator for a new one (llmlb nodes rotate-token NODE) and "
    "set XLLM_TOKEN, or have the node deleted and start without it",
    403: "this token belongs to another node; check XLLM_TOKEN and --node-id",
    404: "the router does not know this node any more; registering it again",
    409: "a second agent runs with this node id; stop one of them, or give this one its own --node-id",
    422: "the router refused a field of the heartbeat; agent and router may be of different versions",
    429: "the router counts too many heartbeats",
}
_REGISTRATION_ADVICE = {
    401: "the router demands a credential for registration: a valid join token (--join-token, LLMLB_JOIN_TOKEN) "
    "or, with XLLM_TOKEN, the token of a node it knows",
    403: "the router refuses this registration",
    404: "there is no llmlb router at this address; check --router-url",
    409: "this node id belongs to another node. Give its token (XLLM_TOKEN), choose another --node-id, or have "
    "it deleted: llmlb nodes delete NODE",
    422: "the router refused a field of the registration, most often the engine's URL; see --advertise-url",
    429: "the router takes only so many registrations a minute",
}
_REJECTED_ADVICE = (
    "an operator rejected this node; it tries again every ten minutes. To admit it: llmlb nodes approve NODE"
)
_ROUTER_TROUBLE = "the router has trouble of its own; trying again"
_UNREACHABLE_ADVICE = "the router does not answer; trying again. Is it running, and is --router-url right?"


def after_heartbeat(error: ClientError) -> Reaction:
    """What to do after a heartbeat that was not accepted."""
    return _reaction(error, _HEARTBEAT)


def after_registration(error: ClientError) -> Reaction:
    """What to do after a registration that was not accepted."""
    return _reaction(error, _REGISTRATION)


def heartbeat_advice(error: ClientError) -> str:
    """What a person should know about a heartbeat that was not accepted."""
    return _advice(error, _ADVICE)


def registration_advice(error: ClientError) -> str:
    """What a person should know about a registration that was not accepted."""
    return _advice(error, _REGISTRATION_ADVICE)


def is_rejection(error: ClientError) -> bool:
    """True if an operator rejected the node."""
    return isinstance(error, RouterRefused) and error.status == 403 and error.code == "node_rejected"


def _reaction(error: ClientError, table: dict[int, Reaction]) -> Reaction:
    if not isinstance(error, RouterRefused):
        return Reaction.BACK_OFF
    if is_rejection(error):
        return Reaction.WAIT_LONG
    return table.get(error.status, Reaction.BACK_OFF)


def _advice(error: ClientError, table: dict[int, str]) -> str:
    if not isinstance(error, RouterRefused):
        return _UNREACHABLE_ADVICE
    if is_rejection(error):
        return _REJECTED_ADVICE
    return table.get(error.status, _ROUTER_TROUBLE if error.status >= 500 else "trying again")
