"""Which prompts were typed, or stand in which file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from llmlb.errors import ConfigurationError
from llmlb.loadtest.prompts import BlockPrompts, GivenPrompts, Message, Prompt, PromptPlan, ShortChats, SizedPrompts
from llmlb.loadtest.quantities import length, share
from llmlb.loadtest.traces import TraceEntry, read_trace
from llmlb.loadtest.typed import Typed, at_least, opened

MAX_PROMPT_FILE_BYTES = 64 << 20
MAX_TRACE_FILE_BYTES = 1 << 30


def trace_of(typed: Typed) -> tuple[TraceEntry, ...] | None:
    if typed.trace is None:
        return None
    limit = typed.limit if typed.limit is not None else typed.requests
    with opened(typed.trace, "--trace", MAX_TRACE_FILE_BYTES) as lines:
        try:
            return read_trace(lines, limit=None if limit is None else at_least("--limit", limit, 1))
        except UnicodeDecodeError:
            raise ConfigurationError(f"--trace {typed.trace} is not a text file") from None


def prompts_of(typed: Typed, trace: tuple[TraceEntry, ...] | None) -> PromptPlan:
    sources = {
        "--trace": trace is not None,
        "--prompt": bool(typed.prompt),
        "--file": typed.prompt_file is not None,
        "--input-tokens": bool(typed.input_tokens),
    }
    chosen = [name for name, is_chosen in sources.items() if is_chosen]
    if len(chosen) > 1:
        raise ConfigurationError(f"{' and '.join(chosen)} both say what is asked; choose one")
    output_tokens = 0 if typed.output_tokens is None else at_least("--output-tokens", typed.output_tokens, 1)
    shared_prefix = share(typed.shared_prefix, what="--shared-prefix") if typed.shared_prefix else 0.0
    if trace is not None:
        return BlockPrompts(tuple((e.input_tokens, e.output_tokens, e.block_ids) for e in trace))
    if typed.prompt:
        return GivenPrompts((Prompt((Message("user", typed.prompt),), max_tokens=output_tokens),))
    if typed.prompt_file is not None:
        prompts = _prompt_file(typed.prompt_file)
        return GivenPrompts(tuple(replace(p, max_tokens=p.max_tokens or output_tokens) for p in prompts))
    if typed.input_tokens or typed.shared_prefix:
        mean, spread = length(typed.input_tokens or "256")
        return SizedPrompts(mean, spread, output_tokens, shared_prefix)
    return ShortChats()


def _prompt_file(path: Path) -> tuple[Prompt, ...]:
    """One prompt a line: plain text, or JSON with ``prompt`` or ``messages`` and perhaps ``max_tokens``."""
    with opened(path, "--file", MAX_PROMPT_FILE_BYTES) as lines:
        try:
            prompts = tuple(_prompt_line(line, n) for n, line in enumerate(lines, 1) if line.strip())
        except UnicodeDecodeError:
            raise ConfigurationError(f"--file {path} is not a text file") from None
    if not prompts:
        raise ConfigurationError(f"--file {path} holds no prompts")
    return prompts


def _prompt_line(line: str, line_number: int) -> Prompt:
    if not line.lstrip().startswith("{"):
        return Prompt((Message("user", line.strip()),))
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigurationError(f"--file: line {line_number} begins like JSON and is none") from None
    messages = value.get("messages")
    if isinstance(value.get("prompt"), str):
        messages = [{"role": "user", "content": value["prompt"]}]
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        raise ConfigurationError(f"--file: line {line_number} has neither a prompt nor messages with role and content")
    most = value.get("max_tokens")
    return Prompt(
        tuple(Message(message["role"], message["content"]) for message in messages),
        max_tokens=most if isinstance(most, int) and 0 < most < 1 << 20 else 0,
    )


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and isinstance(value.get("content"), str)
