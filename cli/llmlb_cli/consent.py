"""Asking before harm is done: nothing for a harmless act, y/N for a reversible one, a typed word for the rest."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from llmlb_cli.exits import Failure, is_heard, note, prompt, usage
from llmlb_cli.options import Options


def ask_yes(question: str, options: Options, *, impact: Sequence[str] = ()) -> None:
    """Go on after a yes or with --yes; raises Failure otherwise.

    impact: what will happen, one line each, shown before the question; with --dry-run there is only this.
    """
    if options.yes or options.dry_run:
        _tell(impact if options.dry_run else (), options)
        return
    if not may_ask(options):
        raise usage(f'nobody can be asked here: "{question}"', hint="add --yes to do it without a question")
    for line in impact:
        note(line)
    prompt(f"{question} [y/N]")
    if answer().lower() not in ("y", "yes"):
        raise cancelled()


def ask_typed(expected: str, options: Options, *, what: str, impact: Sequence[str] = ()) -> None:
    """Go on after the expected word was typed or given with --confirm; --yes alone is not enough.

    expected: an id or a count.  what: the question's object, as in "the id to delete it".
    """
    if options.dry_run:
        _tell(impact, options)
        return
    if options.confirm:
        if options.confirm != expected:
            raise usage(f'--confirm is "{options.confirm}", and must be {what}: "{expected}"')
        return
    if options.yes or not may_ask(options):
        enough = "; --yes is not enough" if options.yes else ", and nobody can be asked here"
        raise usage(f"this must be confirmed with {what}{enough}", hint=f"add --confirm={expected}")
    for line in impact:
        note(line)
    prompt(f"Type {what} ({expected}):")
    if answer() != expected:
        raise cancelled()


def ask_context(name: str, options: Options) -> None:
    """For a context that demands its name before anything dangerous (``confirm = "type-name"``)."""
    if options.dry_run:
        return
    if not may_ask(options):
        if options.context != name:
            raise usage(
                f'the context "{name}" asks for its name before anything dangerous', hint=f"add --context {name}"
            )
        return
    prompt(f"Type the name of the context ({name}):")
    if answer() != name:
        raise cancelled()


def _tell(impact: Sequence[str], options: Options) -> None:
    for line in impact if not options.quiet else ():
        note(line)


def may_ask(options: Options) -> bool:
    """Whether a question is allowed and somebody is there to answer it."""
    return not options.no_input and is_heard()


def answer() -> str:
    """One line from the person; an end of input counts as no answer."""
    return sys.stdin.readline().strip()


def cancelled() -> Failure:
    """The failure of somebody who said no."""
    return Failure("cancelled, nothing was changed", code="cancelled")
