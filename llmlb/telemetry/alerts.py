"""Which alerts fire: what the rules find, once it has lasted, until it is gone for a while.

Pure but for its memory: time is an argument, and what changed is returned for the feed and the sinks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmlb.config.alerts import Severity
from llmlb.core.node import NodeId
from llmlb.telemetry.alert import Alert, AlertChange, AlertChangeKind, alert_id_of
from llmlb.telemetry.alert_rules import RULES, AlertLimits, AlertRule, AlertView, Finding
from llmlb.telemetry.alert_watch import AlertWatch

RESOLVED_ALERTS = 200


@dataclass(slots=True, eq=False)
class _Trouble:
    """Something a rule found and has not been rid of yet. alert: None until it lasted long enough."""

    began_at_s: float
    alert: Alert | None = None
    gone_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Silence:
    until_s: float
    until_unix_s: float
    actor: str


class Alerts:
    """Remembers what fires. ``evaluate`` it about once a second; it looks at every node.

    started_at_s, grace_s: rules about nodes say nothing until nodes had time to be heard by a router just started.
    """

    def __init__(
        self,
        *,
        started_at_s: float,
        grace_s: float,
        limits: AlertLimits | None = None,
        rules: Sequence[AlertRule] = RULES,
    ) -> None:
        self._quiet_until_s = started_at_s + grace_s
        self._limits = limits or AlertLimits()
        self._rules = tuple(rules)
        self._troubles: dict[str, dict[str, _Trouble]] = {rule.name: {} for rule in rules}
        self._resolved: deque[Alert] = deque(maxlen=RESOLVED_ALERTS)
        self._silences: dict[str, _Silence] = {}
        self._watch = AlertWatch()

    def evaluate(self, view: AlertView, now_s: float) -> list[AlertChange]:
        """Judge the present; returns what began to fire and what is over."""
        self._silences = {key: silence for key, silence in self._silences.items() if silence.until_s > now_s}
        evidence = self._watch.look(view, self._limits, now_s)
        changes: list[AlertChange] = []
        for rule in self._rules:
            if rule.waits_for_nodes and now_s < self._quiet_until_s:
                continue
            firing = {subject for subject, trouble in self._troubles[rule.name].items() if trouble.alert is not None}
            findings = {finding.subject: finding for finding in rule.find(replace(evidence, firing=firing))}
            changes += self._began(rule, findings, now_s, unix_s=view.unix_s)
            changes += self._ended(rule, findings, now_s, unix_s=view.unix_s)
        return changes

    def refused_twin(self, node_id: NodeId, now_s: float) -> None:
        """A heartbeat of a node's second instance was refused: the alert about it stays."""
        self._watch.refused_twin(node_id, now_s)

    @property
    def firing(self) -> list[Alert]:
        """Critical ones first, then the oldest."""
        alerts = [
            trouble.alert
            for troubles in self._troubles.values()
            for trouble in troubles.values()
            if trouble.alert is not None
        ]
        return sorted(alerts, key=lambda alert: (alert.severity is not Severity.CRITICAL, alert.fired_at_unix_s))

    @property
    def resolved(self) -> list[Alert]:
        """The last that are over, newest first."""
        return list(reversed(self._resolved))

    def acknowledge(self, alert_id: str, actor: str, *, unix_s: float) -> AlertChange | None:
        """Somebody takes care of it. None when no such alert fires. It stays until the cause is gone."""
        trouble = self._firing_trouble(alert_id)
        if trouble is None or trouble.alert is None:
            return None
        trouble.alert = replace(trouble.alert, acknowledged_by=actor, acknowledged_at_unix_s=unix_s)
        return AlertChange(AlertChangeKind.ACKNOWLEDGED, trouble.alert, actor, alert_id in self._silences)

    def silence(self, alert_id: str, *, for_s: float, actor: str, now_s: float, unix_s: float) -> AlertChange | None:
        """Tell nobody about it for a while, not even when it fires again. None when no such alert fires.

        for_s: 0 ends a silence.
        """
        trouble = self._firing_trouble(alert_id)
        if trouble is None or trouble.alert is None:
            return None
        silence = _Silence(now_s + for_s, unix_s + for_s, actor)
        self._silences.pop(alert_id, None)
        if for_s > 0:
            self._silences[alert_id] = silence
        trouble.alert = _renewed(trouble.alert, trouble.alert.cause, self._silences.get(alert_id))
        return AlertChange(AlertChangeKind.SILENCED, trouble.alert, actor, is_silenced=True)

    def _began(
        self, rule: AlertRule, findings: dict[str, Finding], now_s: float, *, unix_s: float
    ) -> list[AlertChange]:
        changes: list[AlertChange] = []
        troubles = self._troubles[rule.name]
        for subject, finding in findings.items():
            trouble = troubles.setdefault(subject, _Trouble(now_s))
            trouble.gone_at_s = None
            if trouble.alert is not None:
                silence = self._silences.get(trouble.alert.id)
                trouble.alert = _renewed(trouble.alert, finding.cause, silence)
            elif now_s - trouble.began_at_s >= rule.for_s:
                alert = _alert(rule, finding, unix_s)
                silence = self._silences.get(alert.id)
                trouble.alert = _renewed(alert, finding.cause, silence)
                changes.append(AlertChange(AlertChangeKind.FIRED, trouble.alert, is_silenced=silence is not None))
        return changes

    def _ended(
        self, rule: AlertRule, findings: dict[str, Finding], now_s: float, *, unix_s: float
    ) -> list[AlertChange]:
        changes: list[AlertChange] = []
        troubles = self._troubles[rule.name]
        for subject in [subject for subject in troubles if subject not in findings]:
            trouble = troubles[subject]
            if trouble.gone_at_s is None:
                trouble.gone_at_s = now_s
            if trouble.alert is None:
                del troubles[subject]
            elif now_s - trouble.gone_at_s >= rule.clear_s:
                del troubles[subject]
                alert = replace(trouble.alert, resolved_at_unix_s=unix_s)
                self._resolved.append(alert)
                is_silenced = alert.id in self._silences
                changes.append(AlertChange(AlertChangeKind.RESOLVED, alert, is_silenced=is_silenced))
        return changes

    def _firing_trouble(self, alert_id: str) -> _Trouble | None:
        for troubles in self._troubles.values():
            for trouble in troubles.values():
                if trouble.alert is not None and trouble.alert.id == alert_id:
                    return trouble
        return None


def _alert(rule: AlertRule, finding: Finding, unix_s: float) -> Alert:
    return Alert(
        id=alert_id_of(rule.name, finding.subject),
        rule=rule.name,
        severity=rule.severity,
        subject=finding.subject,
        node_id=finding.node_id,
        cause=finding.cause,
        hint=rule.hint,
        fired_at_unix_s=unix_s,
    )


def _renewed(alert: Alert, cause: str, silence: _Silence | None) -> Alert:
    by, until_unix_s = ("", None) if silence is None else (silence.actor, silence.until_unix_s)
    return replace(alert, cause=cause, silenced_by=by, silenced_until_unix_s=until_unix_s)
