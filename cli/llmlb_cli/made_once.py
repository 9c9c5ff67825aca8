"""A secret that was just made: alone on stdout, and shown this one time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmlb_cli.columns import Column
from llmlb_cli.context import Router
from llmlb_cli.exits import note
from llmlb_cli.output import line, show_object


def make(
    router: Router,
    path: str,
    body: Mapping[str, object],
    *,
    kind: str,
    columns: Sequence[Column],
    secret: str,
    use: str,
) -> None:
    """Have the router make it of the fields that are given, and show it. secret: its field.  use: what is done with it.

    Raises Failure where the router refuses.
    """
    made = router.fields("POST", path, body={field: value for field, value in body.items() if value is not None})
    if not router.view.is_human:
        show_object(kind, made, router.view, columns=columns)
        return
    line(str(made.get(secret, "")))
    if not router.options.quiet:
        scopes, until = made.get("scopes"), made.get("expires_at")
        named = f" ({', '.join(map(str, scopes))})" if isinstance(scopes, list) else ""
        note(f"created {made.get('id')}{named}, {f'until {until}' if until else 'without an end'}")
        note(f"This {secret} is shown only now. {use}")
