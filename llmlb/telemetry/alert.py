"""An alert, and what can become of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2s

from llmlb.config.alerts import Severity
from llmlb.core.node import NodeId


class AlertChangeKind(StrEnum):
    FIRED = "fired"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as people see it. id: of its rule and subject, the same each time it fires.

    node_id: "" where no single node is meant.  resolved_at_unix_s: None while it fires.
    """

    id: str
    rule: str
    severity: Severity
    subject: str
    node_id: NodeId
    cause: str
    hint: str
    fired_at_unix_s: float
    resolved_at_unix_s: float | None = None
    acknowledged_by: str = ""
    acknowledged_at_unix_s: float | None = None
    silenced_by: str = ""
    silenced_until_unix_s: float | None = None

    @property
    def is_firing(self) -> bool:
        return self.resolved_at_unix_s is None

    def fields(self) -> dict[str, object]:
        """Plain values, for the event list, the log and the sinks."""
        return {
            "id": self.id,
            "rule": self.rule,
            "severity": self.severity.value,
            "subject": self.subject,
            "node_id": self.node_id,
            "cause": self.cause,
            "hint": self.hint,
            "fired_at_unix_s": self.fired_at_unix_s,
            "resolved_at_unix_s": self.resolved_at_unix_s,
            "acknowledged_by": self.acknowledged_by,
            "acknowledged_at_unix_s": self.acknowledged_at_unix_s,
            "silenced_by": self.silenced_by,
            "silenced_until_unix_s": self.silenced_until_unix_s,
        }


@dataclass(frozen=True, slots=True)
class AlertChange:
    """What became of an alert. actor: who did it, "" for nobody.  is_silenced: people do not want to hear of it."""

    kind: AlertChangeKind
    alert: Alert
    actor: str = ""
    is_silenced: bool = False


def alert_id_of(rule: str, subject: str) -> str:
    """Short, stable over restarts, and safe in a path, which a model's name is not."""
    return blake2s(f"{rule}\0{subject}".encode("utf-8", "replace"), digest_size=6).hexdigest()
