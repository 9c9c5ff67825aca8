"""llmlb context list, use, add, set, remove, show and current"""

from __future__ import annotations

import os
import re
from typing import Annotated

import typer

from llmlb.client.contexts import TITLE_COLORS, Context, Contexts, load_contexts, save_contexts
from llmlb.client.credentials import default_folders, forget_login, resolve
from llmlb.clock import rfc3339, unix_s
from llmlb.errors import ConfigurationError
from llmlb_cli.exits import ExitCode, Failure, usage
from llmlb_cli.failures import failure_of
from llmlb_cli.options import options_of
from llmlb_cli.output import FORMATS, Listing, line, show, show_object
from llmlb_cli.record_columns import CONTEXTS
from llmlb_cli.suggestions import did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The context.")]
CaFile = Annotated[str | None, typer.Option(metavar="FILE", help="The CA of an https router.")]
User = Annotated[str | None, typer.Option(metavar="NAME", help="Who usually logs in there.")]
Output = Annotated[str | None, typer.Option("--default-output", metavar="FORMAT", help="The format used there.")]
Confirm = Annotated[
    bool | None, typer.Option("--confirm-name/--no-confirm-name", help="Ask for its name before anything dangerous.")
]
TitleColor = Annotated[
    str | None, typer.Option(metavar="COLOR", help=f"Of the console's title there: {', '.join(TITLE_COLORS)}.")
]


def list_contexts(ctx: typer.Context) -> None:
    """List the routers that this user knows by name; the one that commands use is marked.

    Examples:
      llmlb context list
      llmlb context list -o name
      llmlb context list --filter example
    """
    contexts = _load()
    rows = [_row(contexts, name) for name in contexts.by_name]
    view = options_of(ctx).view
    show(Listing("ContextList", CONTEXTS, rows, name="name", sort_by=("name",), empty=_NONE_YET), view)


def use_context(ctx: typer.Context, name: Name) -> None:
    """Make a context the one that commands use.

    LLMLB_CONTEXT, LLMLB_URL, --context and --url win over it.

    Examples:
      llmlb context use prod
      llmlb context use prod && llmlb status
      llmlb context use lab -q
    """
    contexts = _load()
    _save(contexts.using(_known(contexts, name).name))
    _tell(ctx, name, f"now using {name} ({contexts.by_name[name].url})  next: llmlb status")


def add_context(
    ctx: typer.Context,
    name: Name,
    url: Annotated[str, typer.Option(metavar="URL", help="Where the router is.")],
    ca_file: CaFile = None,
    user: User = None,
    default_output: Output = None,
    confirm_name: Confirm = None,
    title_color: TitleColor = None,
    use: Annotated[bool, typer.Option("--use", help="Make it the one that commands use.")] = False,
) -> None:
    """Give a router a name. llmlb login --context NAME does the same and logs in at once.

    Examples:
      llmlb context add prod --url https://router.example:8080 --confirm-name --use
      llmlb context add lab --url http://10.0.0.2:8080 --default-output wide
      llmlb context add lab --url https://10.0.0.2:8443 --ca-file ca.pem
    """
    contexts = _load()
    if not _NAME.fullmatch(name):
        raise usage(f'"{name}" cannot be a name', hint="use 1 to 63 letters, digits, dots, dashes and underscores")
    if name in contexts.by_name:
        raise Failure(
            f"there is a context {name} already ({contexts.by_name[name].url})",
            exit_code=ExitCode.CONFLICT,
            hint=f"change it: llmlb context set {name} ...   |   or choose another name",
        )
    made = _changed(
        Context(name, _url(url)),
        ca_file=ca_file,
        user=user,
        default_output=default_output,
        confirm_name=confirm_name,
        title_color=title_color,
    )
    _save(contexts.with_context(made, make_current=use or not contexts.by_name))
    _tell(ctx, name, f"added {name} ({made.url})  next: llmlb login --context {name}")


def set_context(
    ctx: typer.Context,
    name: Name,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the router is now; its login ends here.")
    ] = None,
    ca_file: CaFile = None,
    user: User = None,
    default_output: Output = None,
    confirm_name: Confirm = None,
    title_color: TitleColor = None,
) -> None:
    """Change a context. An empty text takes a value away. A login is good for the address it was made at only.

    Examples:
      llmlb context set prod --default-output wide --confirm-name
      llmlb context set prod --ca-file "" --title-color red
      llmlb context set lab --url http://10.0.0.3:8080
    """
    contexts = _load()
    found = _known(contexts, name)
    moved = found._replace(url=_url(url)) if url else found
    made = _changed(
        moved,
        ca_file=ca_file,
        user=user,
        default_output=default_output,
        confirm_name=confirm_name,
        title_color=title_color,
    )
    _save(contexts.with_context(made, make_current=False))
    _tell(ctx, name, f"changed {name} ({made.url})  next: llmlb context show {name}")


def remove_context(ctx: typer.Context, name: Name) -> None:
    """Forget a context and its login. The router is not asked; llmlb logout --context NAME ends the session there too.

    Examples:
      llmlb context remove lab
      llmlb context remove lab --dry-run
      llmlb context remove lab -o json
    """
    contexts, options = _load(), options_of(ctx)
    found = _known(contexts, name)
    if options.dry_run:
        _tell(ctx, name, f"would remove {name} ({found.url}) and its login")
        return
    _save(contexts.without(name))
    gone = forget_login(default_folders(os.environ), name)
    if not options.view.is_human:
        show_object(
            "Context", {"name": name, "removed": True, "login_forgotten": bool(gone)}, options.view, name="name"
        )
    elif not options.quiet:
        line(f"removed {name}{' and its login' if gone else ''}  next: llmlb context list")


def show_context(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="The context; default: the one that commands use.")
    ] = "",
) -> None:
    """Show a context: its router, its settings, and until when its login lasts.

    Examples:
      llmlb context show
      llmlb context show prod -o json
      llmlb context show -o json | jq -r .item.url
    """
    contexts = _load()
    found = _known(contexts, name) if name else _current(contexts)
    show_object("Context", _row(contexts, found.name), options_of(ctx).view, name="name", columns=CONTEXTS[1:])


def current_context(ctx: typer.Context) -> None:
    """Print the name of the context that commands use. Exit code 6 when there is none.

    LLMLB_CONTEXT wins over the choice of llmlb context use.

    Examples:
      llmlb context current
      PS1='$(llmlb context current -q) $ '
      llmlb context current -o json
    """
    found = _current(_load())
    view = options_of(ctx).view
    if view.is_human:
        line(found.name)
    else:
        show_object("Context", {"name": found.name, "url": found.url}, view, name="name")


_NONE_YET = "no contexts yet: llmlb login or llmlb context add makes one"


def _load() -> Contexts:
    try:
        return load_contexts(default_folders(os.environ).contexts)
    except ConfigurationError as error:
        raise failure_of(error) from error


def _save(contexts: Contexts) -> None:
    save_contexts(default_folders(os.environ).contexts, contexts)


def _known(contexts: Contexts, name: str) -> Context:
    found = contexts.by_name.get(name)
    if found is None:
        hint = did_you_mean(name, contexts.by_name) or "which there are: llmlb context list"
        raise Failure(f'there is no context "{name}"', exit_code=ExitCode.NOT_FOUND, hint=hint)
    return found


def _current(contexts: Contexts) -> Context:
    name = os.environ.get("LLMLB_CONTEXT") or contexts.current
    if not name:
        hint = "llmlb context use NAME" if contexts.by_name else "llmlb login, or llmlb context add NAME --url URL"
        raise Failure("no context is in use", exit_code=ExitCode.NOT_FOUND, hint=hint)
    return _known(contexts, name)


def _url(text: str) -> str:
    from llmlb.client.address import router_address

    return router_address(text).url


def _changed(
    context: Context,
    *,
    ca_file: str | None,
    user: str | None,
    default_output: str | None,
    confirm_name: bool | None,
    title_color: str | None,
) -> Context:
    """The context with what was given; None leaves a value as it is."""
    if default_output and default_output not in FORMATS:
        hint = did_you_mean(default_output, FORMATS) or f"the formats are {', '.join(FORMATS)}"
        raise usage(f'there is no output format "{default_output}"', hint=hint)
    if title_color and title_color not in TITLE_COLORS:
        hint = did_you_mean(title_color, TITLE_COLORS) or f"the colors are {', '.join(TITLE_COLORS)}"
        raise usage(f'a title cannot be "{title_color}"', hint=hint)
    if ca_file and not os.path.isfile(ca_file):
        raise usage(f"there is no file {ca_file}", hint="--ca-file wants a PEM file with the router's CA")
    given = {
        "ca_file": os.path.abspath(ca_file) if ca_file else ca_file,
        "user": user,
        "default_output": default_output,
        "confirm": None if confirm_name is None else "type-name" if confirm_name else "",
        "color": title_color,
    }
    return context._replace(**{field: value for field, value in given.items() if value is not None})


def _row(contexts: Contexts, name: str) -> dict[str, object]:
    """A context as it is shown; no secret is in it. login_expires_at: None where nobody is logged in."""
    context = contexts.by_name[name]
    # Only what the login left behind counts here, not a variable of this shell.
    credential = resolve(environ={}, folders=default_folders(os.environ), context=name).credential
    is_login = credential is not None and credential.source.startswith("login ")
    expires = credential.expires_at_unix_s if credential is not None and is_login else None
    login = "none"
    if credential is not None:
        login = "this machine's" if not is_login else "expired" if credential.is_expired(unix_s()) else "logged in"
    return {
        "name": name,
        "current": name == contexts.current,
        "url": context.url,
        "user": context.user or None,
        "login": login,
        "login_expires_at": rfc3339(expires) if expires is not None else None,
        "ca_file": context.ca_file or None,
        "confirm": context.confirm or None,
        "default_output": context.default_output or None,
        "color": context.color or None,
    }


def _tell(ctx: typer.Context, name: str, text: str) -> None:
    options = options_of(ctx)
    if not options.view.is_human:
        show_object("Context", _row(_load(), name), options.view, name="name", columns=CONTEXTS[1:])
    elif not options.quiet:
        line(text)
