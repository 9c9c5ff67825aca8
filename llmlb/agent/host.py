"""How busy the machine is apart from its GPUs: processor and memory, through psutil."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class HostReport:
    """cpu_usage: percent of all cores since the last report.  memory_usage: percent that programs cannot get."""

    cpu_usage: float
    memory_usage: float


class Host:
    """The machine the agent runs on."""

    def __init__(self) -> None:
        # The first answer of psutil's counter means nothing: it is since the call before.
        psutil.cpu_percent(interval=None)

    @property
    def cores(self) -> int:
        """Logical processors."""
        return psutil.cpu_count() or 1

    def report(self) -> HostReport | None:
        """The figures now; None where the system hides them, as some containers do."""
        try:
            cpu, memory = psutil.cpu_percent(interval=None), psutil.virtual_memory().percent
        except (OSError, RuntimeError, psutil.Error):
            return None
        return HostReport(_percent(cpu), _percent(memory))


def _percent(value: float) -> float:
    """psutil is known to overshoot a little when a core goes offline."""
    return round(min(max(value, 0.0), 100.0), 1)
