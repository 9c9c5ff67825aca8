"""llmlb users list, create, set and delete"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from llmlb.client.address import segment
from llmlb_cli.consent import ask_typed, ask_yes
from llmlb_cli.context import Router, router_of
from llmlb_cli.exits import ExitCode, Failure, note, usage
from llmlb_cli.filtering import admitted
from llmlb_cli.output import Listing, line, show, show_object
from llmlb_cli.passphrase import password
from llmlb_cli.registry import USERS
from llmlb_cli.selection import named
from llmlb_cli.several import act_on_each, first_of, show_outcomes, show_rehearsal
from llmlb_cli.suggestions import did_you_mean

if TYPE_CHECKING:
    import typer

ROLES = ("admin", "viewer")


def list_users(ctx: typer.Context) -> None:
    """List the users and their roles.

    Examples:
      llmlb users list
      llmlb users list --filter role:admin
      llmlb users list --sort-by -last_login
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
      llmlb users create kim --dry-run --password-stdin < password.txt
    """
    _known_role(role)
    router = router_of(ctx)
    secret = password(f"Password of {username}", router.options, from_stdin=password_stdin, repeat=True)
    created = router.fields("POST", "/v0/users", body={"username": username, "password": secret, "role": role})
    if not router.view.is_human:
        show_object("User", created, router.view, name="username", columns=USERS)
    elif not router.options.quiet:
        line(f"created {username} ({role})  next: llmlb login --username {username}")


def set_user(
    ctx: typer.Context,
    username: Annotated[str, typer.Argument(metavar="NAME", help="The user.")],
    role: Annotated[str, typer.Option(metavar="ROLE", help="admin, or viewer, who may look at everything.")],
) -> None:
    """Give a user another role. The sessions of this user end; the last admin stays one.

    Examples:
      llmlb users set kim --role admin
      llmlb users set kim --role viewer --yes
      llmlb users set kim --role viewer --dry-run
    """
    _known_role(role)
    router = router_of(ctx)
    rows = {str(row.get("username")): row for row in router.rows("/v0/users", "users")}
    if username not in rows:
        raise _unknown(username, router, [*rows])
    user = rows[username]
    if user.get("role") != role:
        if not router.options.dry_run:
            impact = [f"{user.get('role')} becomes {role}; the sessions of this user end at once"]
            ask_yes(f"Change the role of {username}?", router.options, impact=impact)
        user = router.fields("PATCH", f"/v0/users/{segment(username)}", body={"role": role})
    if not router.view.is_human:
        show_object("User", user, router.view, name="username", columns=USERS)
    elif not router.options.quiet:
        line(f"{username} is {role} now  next: llmlb users list")


def delete_user(
    ctx: typer.Context,
    usernames: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="The users.")] = None,
    file: Annotated[str, typer.Option("-f", "--file", metavar="FILE", help="Read them, one a line; - is stdin.")] = "",
) -> ExitCode:
    """Delete users and end all of their sessions. The last admin cannot be deleted.

    One user asks for the name, several ask for their number; in scripts give it with --confirm.

    Examples:
      llmlb users delete kim
      llmlb users delete kim --confirm=kim
      llmlb users delete --filter 'role:viewer last_login:-' --dry-run
    """
    router = router_of(ctx)
    names = named(usernames or [], file, router.options.filter)
    if len(names) == 1:
        return _delete_one(router, names[0])
    if not names:
        rows = admitted("UserList", USERS, router.rows("/v0/users", "users"), router.options.filter)
        names = [str(row.get("username")) for row in rows]
    if not names:
        note("no user matches, nothing to do")
        return ExitCode.OK
    ask_typed(
        str(len(names)),
        router.options,
        what="the number of users",
        impact=[first_of(names), "their sessions end at once"],
    )
    if router.options.dry_run:
        return show_rehearsal("UserOutcomeList", names, router.view, verb="delete")
    outcomes = act_on_each(names, lambda name: router.fields("DELETE", f"/v0/users/{segment(name)}"))
    return show_outcomes("UserOutcomeList", outcomes, router.view, past="deleted")


def _delete_one(router: Router, username: str) -> ExitCode:
    if router.options.dry_run and username not in (known := _usernames(router)):
        raise _unknown(username, router, known)
    ask_typed(username, router.options, what="the name", impact=["the sessions of this user end at once"])
    try:
        router.ask("DELETE", f"/v0/users/{segment(username)}")
    except Failure as failure:
        if failure.exit_code is not ExitCode.NOT_FOUND:
            raise
        raise _unknown(username, router, _usernames(router)) from failure
    if not router.view.is_human:
        show_object("User", {"username": username, "deleted": True}, router.view, name="username", columns=USERS)
    elif not router.options.quiet:
        line(f"deleted {username}  next: llmlb users list")
    return ExitCode.OK


def _known_role(role: str) -> None:
    if role not in ROLES:
        raise usage(f'there is no role "{role}"', hint=did_you_mean(role, ROLES) or "the roles are admin and viewer")


def _usernames(router: Router) -> list[str]:
    return [str(row.get("username")) for row in router.rows("/v0/users", "users")]


def _unknown(username: str, router: Router, known: Sequence[str]) -> Failure:
    return Failure(
        f'there is no user "{username}" at {router.url}',
        exit_code=ExitCode.NOT_FOUND,
        hint=did_you_mean(username, known) or "which there are: llmlb users list",
        context=router.description,
        code="user_not_found",
    )
