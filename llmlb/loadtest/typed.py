"""What was typed on the command line, and the checks its single values share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from llmlb.errors import ConfigurationError
from llmlb.loadtest.plan import Endpoint
from llmlb.loadtest.quantities import duration_s


@dataclass(frozen=True, slots=True)
class Typed:
    """The options of the command as they were typed; empty where they were not."""

    requests: int | None = None
    concurrency: int | None = None
    duration: str = ""
    rate: float | None = None
    arrivals: str = ""
    stages: str = ""
    ramp: str = ""
    think: str = ""
    sweep: str = ""
    find_capacity: bool = False
    step: str = ""
    good: str = ""
    trace: Path | None = None
    speed: float | None = None
    limit: int | None = None
    sessions: int | None = None
    turns: int | None = None
    shared_prefix: str = ""
    paired: bool = False
    model: str = ""
    endpoint: str = Endpoint.CHAT
    streamed: bool = True
    prompt: str = ""
    prompt_file: Path | None = None
    input_tokens: str = ""
    output_tokens: int | None = None
    max_tokens: int | None = None
    ignore_eos: bool | None = None
    check_usage: bool = False
    warm_up: int = 0
    cancel: str = ""
    timeout: str = "600s"
    first_token_timeout: str = "120s"
    stall_timeout: str = "60s"
    connect_timeout: str = "5s"
    seed: int = 1
    slo: str = ""
    fail_if: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    tenants: str = ""


def time_s(option: str, text: str) -> float:
    """A duration above 0; a bare number is seconds."""
    value = duration_s(text, what=option, bare_unit="s")
    if not 0 < value <= 30 * 24 * 3600:
        raise ConfigurationError(f"{option} {text!r} must be more than 0 and at most 30 days")
    return value


def optional_time_s(option: str, text: str) -> float | None:
    """The same, None where nothing was typed."""
    return time_s(option, text) if text else None


def positive(option: str, value: int | None, default: int) -> int:
    """A count of 1 or more, or the default where nothing was typed."""
    return default if value is None else at_least(option, value, 1)


def at_least(option: str, value: int, least: int) -> int:
    """A count within what a load test can hold."""
    if not least <= value <= 10_000_000:
        raise ConfigurationError(f"{option} {value} must be {least} to 10000000")
    return value


def opened(path: Path, option: str, most_bytes: int) -> TextIO:
    """A text file of bounded size, to be closed by the caller."""
    try:
        if path.stat().st_size > most_bytes:
            raise ConfigurationError(f"{option} {path} is larger than {most_bytes >> 20} MiB")
        return path.open(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"cannot read {option} {path}: {error.strerror or error}") from None
