"""llmlb users passwd"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from llmlb.client.address import router_address, segment
from llmlb.config.paths import data_dir as usual_data_dir
from llmlb_cli.consent import ask_yes
from llmlb_cli.context import Fields, Router, router_of
from llmlb_cli.exits import ExitCode, Failure, usage
from llmlb_cli.output import line, show_object
from llmlb_cli.passphrase import password
from llmlb_cli.suggestions import did_you_mean

MIN_PASSWORD_CHARACTERS = 8
"""The router refuses shorter ones; a store that is changed directly must not hold them either."""


def change_password(
    ctx: typer.Context,
    username: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The user; default: yourself.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the new password from stdin.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Whose store to change while no router runs.")
    ] = None,
) -> None:
    """Set a password: your own, or as an admin anybody's, after a question. All sessions of that user end.

    A lost password: run this on the router's machine, as the user that runs the router. It needs no login there, and
    works while the router is stopped.

    Examples:
      llmlb users passwd admin
      llmlb users passwd kim --yes --password-stdin < password.txt
      llmlb users passwd kim --context prod
    """
    router = router_of(ctx)
    try:
        me = router.fields("GET", "/v0/auth/me")
    except Failure as failure:
        if failure.exit_code is not ExitCode.UNREACHABLE or not router_address(router.url).is_loopback:
            raise
        _change_in_store(router, failure, username, from_stdin=password_stdin, chosen_dir=data_dir)
        return
    _change_at_router(router, me, username or str(me.get("username", "")), from_stdin=password_stdin)


def _change_at_router(router: Router, me: Fields, username: str, *, from_stdin: bool) -> None:
    if me.get("role") == "admin":
        if username != me.get("username"):
            _agree(router, username)
        secret = "" if router.options.dry_run else _new_password(router, username, from_stdin=from_stdin)
        router.ask("PATCH", f"/v0/users/{segment(username)}", body={"password": secret})
    else:
        if username != me.get("username"):
            raise Failure(
                f"a {me.get('role')} may only change the own password",
                exit_code=ExitCode.FORBIDDEN,
                hint="llmlb users passwd, or log in as an admin",
            )
        if router.options.dry_run:
            router.ask("POST", "/v0/auth/password")
        current = password("Current password", router.options, from_stdin=from_stdin)
        body = {"current_password": current, "new_password": _new_password(router, username, from_stdin=from_stdin)}
        router.ask("POST", "/v0/auth/password", body=body)
    _tell(router, username, "its sessions have ended  next: llmlb login")


def _agree(router: Router, username: str) -> None:
    """Ask before somebody else is logged out everywhere. Raises Failure for a user that is not there."""
    known = [str(row.get("username")) for row in router.rows("/v0/users", "users")]
    if username not in known:
        raise Failure(
            f'there is no user "{username}" at {router.url}',
            exit_code=ExitCode.NOT_FOUND,
            hint=did_you_mean(username, known) or "which there are: llmlb users list",
            context=router.description,
            code="user_not_found",
        )
    impact = ["all sessions of this user end at once; the old password is worth nothing"]
    ask_yes(f"Set a new password for {username}?", router.options, impact=impact)


def _change_in_store(
    router: Router, unreachable: Failure, username: str | None, *, from_stdin: bool, chosen_dir: Path | None
) -> None:
    """What a lost password needs: no router runs here, so the store is ours for a moment."""
    from llmlb_cli.local_store import has_store, set_password

    directory = chosen_dir.absolute() if chosen_dir else usual_data_dir()
    url = os.environ.get("LLMLB_DATABASE_URL", "")
    if not has_store(directory, url):
        unreachable.details = (f"and there is no store of a router in {directory}",)
        unreachable.hint = "start it: llmlb serve   |   or say where its store is: --data-dir DIR"
        raise unreachable
    if not username:
        raise usage("no router runs here, so say whose password it is", hint="llmlb users passwd admin")
    if router.options.dry_run:
        line(f"would set the password of {username} in the store in {directory}")
        return
    secret = _new_password(router, username, from_stdin=from_stdin)
    set_password(directory, url, username=username, password=secret)
    _tell(router, username, f"in the store in {directory}; no router runs  next: llmlb serve")


def _new_password(router: Router, username: str, *, from_stdin: bool) -> str:
    secret = password(f"New password of {username}", router.options, from_stdin=from_stdin, repeat=True)
    if len(secret) < MIN_PASSWORD_CHARACTERS:
        raise usage(f"a password has at least {MIN_PASSWORD_CHARACTERS} characters", hint="nothing was changed")
    return secret


def _tell(router: Router, username: str, what_next: str) -> None:
    if not router.view.is_human:
        show_object("User", {"username": username, "password_changed": True}, router.view, name="username")
    elif not router.options.quiet:
        line(f"changed the password of {username}, {what_next}")
