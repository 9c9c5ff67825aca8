"""Which nodes a verb is about: ids on the line, ids in a file or on stdin, all that are pending."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from llmlb_cli.context import Fields, Router
from llmlb_cli.exits import ExitCode, Failure, usage
from llmlb_cli.suggestions import did_you_mean

MAX_IDS = 10_000


def chosen_ids(ids: Sequence[str], file: str, router: Router, *, all_pending: bool = False) -> list[str]:
    """Every id once, in the order given.

    file: one id a line, ``-`` for stdin; more words on a line and lines with # are comments.
    Raises Failure when nothing was chosen at all; --all-pending may find none.
    """
    found = [*ids, *(_ids_in(file) if file else ())]
    if all_pending:
        found += [str(node.get("id", "")) for node in nodes_of(router, state="pending")]
    if not found and not all_pending:
        raise usage("no node is named", hint="name one or several, or read them from a file: -f FILE, -f -")
    return [each for each in dict.fromkeys(found) if each]


def nodes_of(router: Router, *, state: str | None = None) -> list[Fields]:
    """The fleet, optionally only the nodes in one state."""
    return router.rows("/v0/nodes", "nodes", {"state": state})


def with_similar_ids(failure: Failure, router: Router, node_id: str) -> Failure:
    """The failure, with ids close to a mistyped one as its hint. Asking for them must not hide the failure itself."""
    if failure.exit_code is not ExitCode.NOT_FOUND:
        return failure
    with contextlib.suppress(Failure):
        known = [str(node.get("id", "")) for node in nodes_of(router)]
        failure.hint = did_you_mean(node_id, known) or "which there are: llmlb nodes list"
    failure.message = f'there is no node "{node_id}" at {router.url}'
    return failure


def _ids_in(file: str) -> list[str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise usage(f"cannot read {file}: {reason}", hint="-f wants a file with one id a line") from error
    ids = list(_first_words(text.splitlines()))
    if len(ids) > MAX_IDS:
        raise usage(f"{file} names more than {MAX_IDS} nodes", hint="split it")
    return ids


def _first_words(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        words = line.split()
        if words and not words[0].startswith("#"):
            yield words[0]
