"""Which nodes a verb is about: ids on the line, in a file or on stdin, all that are pending, all that match."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from llmlb_cli.columns import Row
from llmlb_cli.context import Fields, Router
from llmlb_cli.exits import ExitCode, Failure, usage
from llmlb_cli.suggestions import did_you_mean
from llmlb_cli.text import natural_key

MAX_IDS = 10_000


def chosen_ids(
    ids: Sequence[str], file: str, router: Router, *, all_pending: bool = False, verb: str = ""
) -> list[str]:
    """Every id once, in the order given; those that --filter or --all-pending find in the order of their names.

    file: one id a line, ``-`` for stdin; more words on a line and lines with # are comments.
    verb: of the nodes that match, only those it means anything for are chosen.
    Raises Failure when nothing was chosen at all; --filter and --all-pending may find none.
    """
    query = router.options.filter
    found = named(ids, file, query, may_be_none=all_pending)
    if query or all_pending:
        rows = nodes_of(router, state="pending" if all_pending else None)
        found += sorted((str(row.get("id", "")) for row in _matching(rows, query, verb)), key=natural_key)
    return [each for each in dict.fromkeys(found) if each]


def named(words: Sequence[str], file: str, query: str, *, may_be_none: bool = False) -> list[str]:
    """The names on the line and in the file, each once; none where a filter finds what is meant.

    Raises Failure when something is both named and described, or nothing is.
    """
    if query and (words or file):
        raise usage("things are either named or found with --filter, not both", hint="leave out one of them")
    found = [*words, *(_ids_in(file) if file else ())]
    if not found and not query and not may_be_none:
        raise usage("nothing is named", hint="name one or several, read them with -f FILE or -f -, or use --filter")
    return list(dict.fromkeys(found))


def _matching(rows: Sequence[Row], query: str, verb: str) -> Iterable[Row]:
    if not query:
        return rows
    from llmlb_cli.filtering import admitted
    from llmlb_cli.fitting import fits
    from llmlb_cli.registry import NODES

    return [row for row in admitted("NodeList", NODES, rows, query) if fits(verb, row)]


def nodes_of(router: Router, *, state: str | None = None) -> list[Fields]:
    """The fleet, optionally only the nodes in one state."""
    return router.rows("/v0/nodes", "nodes", {"state": state})


def with_similar_ids(failure: Failure, router: Router, node_id: str) -> Failure:
    """The failure, with ids close to a mistyped one as its hint. Asking for them must not hide the failure itself."""
    if failure.exit_code is not ExitCode.NOT_FOUND:
        return failure
    known: list[str] = []
    with contextlib.suppress(Failure):
        known = [str(node.get("id", "")) for node in nodes_of(router)]
    return unknown_node(node_id, router, known)


def unknown_node(node_id: str, router: Router, known: Iterable[str]) -> Failure:
    """The failure for an id that the fleet does not have. known: the ids that it has."""
    return Failure(
        f'there is no node "{node_id}" at {router.url}',
        exit_code=ExitCode.NOT_FOUND,
        hint=did_you_mean(node_id, known) or "which there are: llmlb nodes list",
        context=router.description,
        code="node_not_found",
    )


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
