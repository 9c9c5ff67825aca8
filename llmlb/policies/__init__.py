"""The selection policies: one file each, and one line here."""

from __future__ import annotations

from collections.abc import Callable

from llmlb.core.choice import Policy
from llmlb.policies.adaptive import AdaptivePolicy
from llmlb.policies.metrics import MetricsPolicy
from llmlb.policies.round_robin import RoundRobinPolicy

POLICIES: dict[str, Callable[[], Policy]] = {
    "adaptive": AdaptivePolicy,
    "metrics": MetricsPolicy,
    "round_robin": RoundRobinPolicy,
}
