"""What a router's feed says, decoded into no more than the console looks at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Decoder

from llmlb_tui.model.node_fields import NodeFields, read_fields
from llmlb_tui.model.reading import fields, rows


class FedEvent(Struct, gc=False):
    """Something about a node. node: None when it is gone, unset when nothing is said of it."""

    node_id: Any = None
    node: NodeFields | UnsetType | None = UNSET
    change: Any = None
    alert: Any = None


class FedSnapshot(Struct):
    """The first event of a feed."""

    nodes: list[NodeFields] = []
    server_time: Any = None
    version: Any = None
    settings: Any = None
    fleet: Any = None
    alerts: Any = None


_DECODERS: Mapping[str, Decoder[Any]] = {"node": Decoder(FedEvent), "snapshot": Decoder(FedSnapshot)}
_OTHERS: Decoder[Any] = Decoder()


def decode(kind: str, text: bytes) -> object:
    """An event's data: of nodes and of snapshots in their own shapes, of others as any JSON.

    Raises msgspec.DecodeError, a ValueError, for what no router of ours sends.
    """
    return _DECODERS.get(kind, _OTHERS).decode(text)


def as_event(data: object) -> FedEvent:
    """What was decoded as a "node", or as any JSON."""
    if type(data) is FedEvent:
        return data
    event = fields(data)
    node = event.get("node", UNSET)
    given = node if node is None or node is UNSET else read_fields(node)
    return FedEvent(event.get("node_id"), given, event.get("change"), event.get("alert"))


def as_snapshot(data: object) -> FedSnapshot:
    """What was decoded as a "snapshot", or as any JSON."""
    if type(data) is FedSnapshot:
        return data
    get = fields(data).get
    others = (get(name) for name in ("server_time", "version", "settings", "fleet", "alerts"))
    return FedSnapshot([read_fields(node) for node in rows(get("nodes"))], *others)
