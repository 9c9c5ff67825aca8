"""llmlb users list, create and delete"""

from __future__ import annotations

from typing import Annotated

import typer

from llmlb.client.address import segment
from llmlb_cli.consent import ask_typed
from llmlb_cli.context import Router, router_of
from llmlb_cli.exits import ExitCode, Failure, usage
from llmlb_cli.output import Listing, line, show, show_object
from llmlb_cli.passphrase import password
from llmlb_cli.registry import USERS
from llmlb_cli.suggestions import did_you_mean

ROLES = ("admin", "viewer")


def list_users(ctx: typer.Context) -> None:
    """List the users and their roles.

    Examples:
      llmlb users list
    """
    router = router_of(ctx)
    rows = router.rows("/v0/users", "users")
    show(Listing("UserList", USERS, rows, name="username", sort_by=("username",)), router.view)


def create_user(
    ctx: typer.Context,
    username: Annotated[str, typer.Argument(metavar="NAME", help="The user.")],
    role: Annotated[str, typer.Option(metavar="ROLE", help="admin, or viewer, who may look at everything.")] = "viewer",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
) -> None:
    """Create a user. The password is asked for twice, or read from stdin.

    Examples:
      llmlb users create kim
      llmlb users create ops --role admin --password-stdin < password.txt
    """
    if role not in ROLES:
        raise usage(f'there is no role "{role}"', hint=did_you_mean(role, ROLES) or "the roles are admin and viewer")
    router = router_of(ctx)
    secret = password(f"Password of {username}", router.options, from_stdin=password_stdin, repeat=True)
    created = router.fields("POST", "/v0/users", body={"username": username, "password": secret, "role": role})
    if not router.view.is_human:
        show_object("User", created, router.view, name="username", columns=USERS)
    elif not router.options.quiet:
        line(f"created {username} ({role})  next: llmlb login --username {username}")


def delete_user(
    ctx: typer.Context, username: Annotated[str, typer.Argument(metavar="NAME", help="The user.")]
) -> ExitCode:
    """Delete a user and end all of its sessions. The last admin cannot be deleted.

    Examples:
      llmlb users delete kim
      llmlb users delete kim --confirm=kim
    """
    router = router_of(ctx)
    ask_typed(username, router.options, what="the name", impact=["the sessions of this user end at once"])
    try:
        router.ask("DELETE", f"/v0/users/{segment(username)}")
    except Failure as failure:
        raise _with_similar_names(failure, router, username) from failure
    if not router.view.is_human:
        show_object("User", {"username": username, "deleted": True}, router.view, name="username", columns=USERS)
    elif not router.options.quiet:
        line(f"deleted {username}  next: llmlb users list")
    return ExitCode.OK


def _with_similar_names(failure: Failure, router: Router, username: str) -> Failure:
    if failure.exit_code is ExitCode.NOT_FOUND:
        known = [str(row.get("username")) for row in router.rows("/v0/users", "users")]
        failure.hint = did_you_mean(username, known)
    return failure
