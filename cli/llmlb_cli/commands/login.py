"""llmlb login and logout"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from llmlb.client.address import router_address
from llmlb.client.contexts import load_contexts
from llmlb.client.credentials import Folders, Login, default_folders, forget_login, store_login
from llmlb.clock import rfc3339, unix_s
from llmlb_cli.consent import answer, may_ask
from llmlb_cli.context import LOGIN_PATH, Fields, Router, router_from
from llmlb_cli.exits import ExitCode, Failure, note, prompt, usage
from llmlb_cli.options import Options, options_of
from llmlb_cli.output import line, show_object
from llmlb_cli.passphrase import password


def login(
    ctx: typer.Context,
    username: Annotated[str, typer.Option(metavar="NAME", help="Who logs in; asked for when it is left out.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
) -> None:
    """Log in to a router. The session lasts 12 hours and is remembered for this user alone.

    --context gives the router a name of your choice; the last one logged in to is the one that commands use.

    Examples:
      llmlb login --url https://router.example:8080
      llmlb login --context prod --url https://router.example:8080 --username kim
      llmlb login --username admin --password-stdin < password.txt
    """
    options = options_of(ctx)
    folders = default_folders(os.environ)
    router, name = _router_to_log_in_to(options, folders)
    _warn_of_plain_http(router)
    user = username or _asked_name(router)
    secret = password(f"Password of {user} at {router.url}", options, from_stdin=password_stdin)
    reply = router.fields("POST", LOGIN_PATH, body={"username": user, "password": secret})
    session = _session(reply, user, router)
    context = router.context._replace(name=name, url=router.url, ca_file=router.target.ca_file, user=session.user)
    store_login(folders, context, session)
    _tell(router, session, name, folders)


def logout(
    ctx: typer.Context, everywhere: Annotated[bool, typer.Option("--all", help="Forget every login.")] = False
) -> ExitCode:
    """End the session at the router and forget it here. The name and address of the router are kept.

    Examples:
      llmlb logout
      llmlb logout --context prod
      llmlb logout --all
    """
    options = options_of(ctx)
    folders = default_folders(os.environ)
    names = [*load_contexts(folders.contexts).by_name] if everywhere else [_only_context(options)]
    for name in names:
        _end_session(options, name)
    gone = [forgotten for name in names for forgotten in forget_login(folders, name)]
    if not options.view.is_human:
        show_object("Logout", {"contexts": gone}, options.view, name="contexts")
    elif not options.quiet:
        line(f"logged out of {', '.join(gone)}  next: llmlb login" if gone else "was not logged in")
    return ExitCode.OK


def _router_to_log_in_to(options: Options, folders: Folders) -> tuple[Router, str]:
    """The router, and the name its context has or gets. A stored or given credential plays no part."""
    contexts = load_contexts(folders.contexts)
    is_new = bool(options.context) and options.context not in contexts.by_name
    if is_new and not (options.url or os.environ.get("LLMLB_URL")):
        raise usage(f'there is no context "{options.context}" yet', hint="say where it is: --url URL")
    asked = options._replace(context="" if is_new or options.url else options.context, token_file="")
    router = router_from(asked)
    router = router._replace(target=router.target._replace(credential=None))
    name = options.context or router.target.context or _usual_name(router.url)
    return router, name


def _usual_name(url: str) -> str:
    address = router_address(url)
    return "local" if address.is_loopback else address.host


def _warn_of_plain_http(router: Router) -> None:
    address = router_address(router.url)
    if address.scheme == "http" and not address.is_loopback and not router.options.quiet:
        note(f"warning: {router.url} is not https, so the password can be read on the way")


def _asked_name(router: Router) -> str:
    if not may_ask(router.options):
        raise usage("nobody can be asked for the user name here", hint="give it: --username NAME")
    usual = router.context.user or "admin"
    prompt(f"User name at {router.url} [{usual}]:")
    return answer() or usual


def _session(reply: Fields, asked_for: str, router: Router) -> Login:
    token, seconds, user = reply.get("token"), reply.get("expires_in"), reply.get("user")
    if not isinstance(token, str) or not token or not isinstance(seconds, int | float):
        raise Failure(f"{router.url} did not answer a session", hint="is it an llmlb router, of the same version?")
    known = user if isinstance(user, dict) else {}
    name, role = str(known.get("username", asked_for)), str(known.get("role", "unknown"))
    return Login(token=token, user=name, role=role, expires_at_unix_s=unix_s() + seconds)


def _tell(router: Router, session: Login, name: str, folders: Folders) -> None:
    until = rfc3339(session.expires_at_unix_s)
    if not router.view.is_human:
        item = {
            "context": name,
            "url": router.url,
            "user": session.user,
            "role": session.role,
            "expires_at": until,
            "stored_in": str(folders.credentials),
        }
        show_object("Login", item, router.view, name="context")
    elif not router.options.quiet:
        line(f"logged in to {router.url} as {session.user} ({session.role}) until {until}")
        line(f"context {name}, kept in {folders.credentials}  next: llmlb nodes list")


def _only_context(options: Options) -> str:
    router = router_from(options._replace(token_file=""))
    if not router.target.context:
        raise Failure(f"not logged in to {router.url}", hint="llmlb logout --all forgets every login", code="no_login")
    return router.target.context


def _end_session(options: Options, name: str) -> None:
    """Tell the router that the session is over; forgetting it must not fail because the router is away."""
    try:
        router = router_from(options._replace(context=name, url="", token_file=""))
        if router.target.credential is None or "context" not in router.target.credential.source:
            return
        router.ask("POST", "/v0/auth/logout")
    except Failure as failure:
        if failure.exit_code is not ExitCode.NOT_LOGGED_IN and not options.quiet:
            note(f"note: the session of {name} was not ended at the router: {failure.message}")
