"""What an agent remembers between two runs: its node's id and token, per router and engine, readable by its owner."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from llmlb.config.secrets_file import ensure_private_dir, read_secret_file, replace_secret_file
from llmlb.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Membership:
    """One node's standing at one router. An empty token: registered by hand, or the router showed none."""

    router: str
    engine_url: str
    node_id: str
    node_token: str = field(default="", repr=False)


class StateFile:
    """The file of one agent: one per router and engine, so that two agents of a machine never share one."""

    def __init__(self, directory: Path, *, router: str, engine_url: str) -> None:
        digest = hashlib.sha256(f"{router}\n{engine_url}".encode()).hexdigest()[:16]
        self.path = directory / f"agent-{digest}.json"
        self._router = router
        self._engine_url = engine_url

    def load(self) -> Membership | None:
        """What was saved, None if nothing was.

        Raises ConfigurationError: others can read the file, or it holds something else.
        """
        text = read_secret_file(self.path)
        if text is None:
            return None
        try:
            fields: object = json.loads(text)
        except ValueError:
            fields = None
        node_id, token = _text(fields, "node_id"), _text(fields, "node_token")
        if not node_id:
            raise ConfigurationError(
                f"{self.path} is not an agent's state. Remove it; the node then registers again, and its old "
                "entry is removed with: llmlb nodes delete NODE"
            )
        return Membership(self._router, self._engine_url, node_id, token)

    def prepare(self) -> None:
        """Make sure that a token could be saved, before a router issues one that would be lost.

        Raises ConfigurationError.
        """
        directory = self.path.parent
        ensure_private_dir(directory)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise ConfigurationError(
                f"cannot write to {directory}, where the node's token is kept. Mend its permissions, or set "
                "LLMLB_STATE_DIR to another directory"
            )

    def save(self, node_id: str, node_token: str) -> None:
        """Replace the file in one step; raises ConfigurationError where it cannot be written."""
        membership = Membership(self._router, self._engine_url, node_id, node_token)
        replace_secret_file(self.path, json.dumps(asdict(membership), indent=1) + "\n")


def _text(fields: object, name: str) -> str:
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) else ""
