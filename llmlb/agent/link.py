"""This node's dealings with the router: who it is, its token, and the two calls it makes."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping

from llmlb.agent.bodies import Beat, Body, leaving
from llmlb.agent.identity import sanitised
from llmlb.agent.state import StateFile
from llmlb.client.control import ControlClient
from llmlb.client.shapes import HeartbeatReply, Registration
from llmlb.errors import RouterRefused

logger = logging.getLogger(__name__)


class RouterLink:
    """One node at one router. node_id is "" until the router or the host's name gave one.

    default_ids: names to try, in order, for a node that has none.  token: the node's, "" for a new one.
    """

    def __init__(
        self,
        client: ControlClient,
        state: StateFile,
        *,
        node_id: str,
        token: str,
        default_ids: tuple[str, ...],
        join_token: str,
    ) -> None:
        self._client = client
        self._state = state
        self._token = token
        self._join_token = join_token
        self._ids = list(default_ids)
        self._boot_id = str(uuid.uuid4())
        self._seq = 0
        # A token without an id means that token's node: the router tells its name.
        self.node_id = node_id or ("" if token else self._ids.pop(0))
        self.is_registered = False

    async def register(self, body: Mapping[str, object]) -> Registration:
        """Register, and remember what the router gave; raises ClientError."""
        reply = await self._client.register_node(body, join_token=self._join_token, node_token=self._token)
        fields: Mapping[str, object] = reply
        node_id, issued = fields.get("node_id"), fields.get("node_token")
        if not isinstance(node_id, str) or sanitised(node_id) != node_id:
            raise RouterRefused(
                f"what answers at {self._client.url} accepted the node without naming it; is it an llmlb router?",
                status=200,
                code="not_a_router",
            )
        token = issued if isinstance(issued, str) and issued else self._token
        if self._token and token != self._token:
            logger.warning(
                "the router does not know this node's token; it was registered as a new node",
                extra={"node": node_id, "advice": "check XLLM_TOKEN, or have the old node deleted"},
            )
        if token != self._token:
            self._state.save(node_id, token)
        self.node_id, self._token, self.is_registered = node_id, token, True
        return reply

    async def beat(self, compose: Callable[[Beat], Body], *, heartbeat_s: float) -> HeartbeatReply:
        """Send one heartbeat; raises ClientError."""
        return await self._client.heartbeat(compose(self._next(heartbeat_s)), token=self._token)

    async def leave(self) -> None:
        """Say goodbye; raises ClientError."""
        await self._client.heartbeat(leaving(self.node_id, self._next(0.0)), token=self._token)

    def forget(self) -> None:
        """The router does not know this node any more: its token is worth nothing, its name stays."""
        self._token, self.is_registered = "", False

    def take_other_id(self) -> bool:
        """Go on with the next default name; False if there is none, or if the name was not ours to choose."""
        if self._token or not self._ids:
            return False
        self.node_id = self._ids.pop(0)
        return True

    def _next(self, heartbeat_s: float) -> Beat:
        self._seq += 1
        return Beat(seq=self._seq, boot_id=self._boot_id, heartbeat_s=heartbeat_s)
