"""Whether one more node may register: join tokens and the bounds on open registration."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from llmlb.api.access import Call
from llmlb.api.answers import denied
from llmlb.api.node_refusals import fleet_full, too_many_pending, too_many_registrations
from llmlb.api.services import Services
from llmlb.auth.principals import Denial
from llmlb.core.health import NodeState
from llmlb.errors import StoreError
from llmlb.store.rows import JoinTokenRow

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """Leave to register one node. join_token: the row of the token it cost, with the new count; None for none."""

    services: Services
    join_token: JoinTokenRow | None

    def give_back(self) -> None:
        """The registration failed: the join token was not used."""
        if self.join_token is not None:
            self.services.gatekeeper.put_join_token(replace(self.join_token, uses=self.join_token.uses - 1))

    async def keep(self) -> None:
        """Writes the token's new count. The node is registered already, so a failure is only logged."""
        if self.join_token is None:
            return
        try:
            await self.services.store.save_join_token(self.join_token)
        except StoreError as error:
            fields = {"join_token": self.join_token.name, "error": error.message}
            _log.warning("uses of a join token not saved", extra=fields)


def admit(call: Call, *, is_vouched: bool) -> Entry:
    """Lets one new node in, or refuses it. is_vouched: an administrator registers it."""
    services = call.services
    settings = services.settings.registration
    if not services.dev and len(services.fleet) + len(services.arriving) > settings.max_nodes:
        raise fleet_full(settings.max_nodes)
    if is_vouched:
        return Entry(services, None)
    if not services.dev and _pending(services) + len(services.arriving) > settings.max_pending:
        raise too_many_pending(settings.max_pending)
    token = _join_token(call)
    if token is None and not call.peer.is_loopback and not services.dev:
        wait_s = services.registrations.wait_s(call.peer.address, settings.per_minute, services.now_s())
        if wait_s > 0.0:
            raise too_many_registrations(settings.per_minute, wait_s)
    return Entry(services, token)


def _pending(services: Services) -> int:
    return sum(node.state is NodeState.PENDING for node in services.fleet)


def _join_token(call: Call) -> JoinTokenRow | None:
    """The join token, spent once. Where none is demanded, a wrong one is as good as none."""
    services = call.services
    is_demanded = services.settings.registration.require_join_token
    given = call.headers.get("x-join-token", "").encode("latin-1")
    if not given and not is_demanded:
        return None
    spent = services.gatekeeper.spend_join_token(given, services.now_unix_s())
    if isinstance(spent, Denial):
        if is_demanded:
            raise denied(spent, param="x-join-token")
        return None
    return spent
