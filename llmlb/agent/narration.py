"""What the agent tells its operator: each change once, however often it is seen."""

from __future__ import annotations

import logging

from llmlb.errors import ClientError

logger = logging.getLogger(__name__)


class Narration:
    """Progress and trouble of one agent, as log lines for a person."""

    def __init__(self) -> None:
        self._state = ""
        self._draining = False
        self._trouble = ""

    def registered(self, *, node_id: str, url: str, router: str, score: int) -> None:
        """The router has taken the node in."""
        self._trouble = ""
        details = {"node": node_id, "engine_url": url, "router": router, "capability_score": score}
        logger.info("registered", extra=details)

    def standing(self, *, node_id: str, state: str, draining: bool) -> None:
        """The node's standing as the router's last answer has it."""
        if state != self._state:
            self._state = state
            self._tell_state(node_id, state)
        if draining != self._draining:
            self._draining = draining
            told = "draining: the router sends nothing new" if draining else "no longer draining"
            logger.info(told, extra={"node": node_id})

    def trouble(self, error: ClientError, *, advice: str, node_id: str) -> None:
        """A call to the router failed; told once for as long as the reason stays the same."""
        details = {"node": node_id, "cause": error.message, "advice": advice.replace("NODE", node_id or "NODE")}
        if error.message == self._trouble:
            logger.debug("the router still does not accept this node's messages", extra=details)
            return
        self._trouble = error.message
        logger.warning("the router does not accept this node's messages", extra=details)

    def accepted(self, *, node_id: str) -> None:
        """A heartbeat was accepted."""
        if self._trouble:
            self._trouble = ""
            logger.info("heartbeats are accepted again", extra={"node": node_id})

    def _tell_state(self, node_id: str, state: str) -> None:
        match state:
            case "pending":
                command = f"llmlb nodes approve {node_id}"
                logger.info("waiting for approval", extra={"node": node_id, "approve_with": command})
            case "online":
                logger.info("online: the router sends requests here", extra={"node": node_id})
            case "offline":
                logger.info("known to the router; its next heartbeat brings it back", extra={"node": node_id})
            case _:
                logger.info("the router's view of this node changed", extra={"node": node_id, "state": state})
