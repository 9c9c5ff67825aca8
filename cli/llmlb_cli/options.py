"""The options that many commands share, and what they were set to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from llmlb_cli.exits import usage
from llmlb_cli.output import COLOURS, FORMATS, View

if TYPE_CHECKING:
    import typer

    # Typer 0.28 vendors Click and exports neither of these under a public name; pyproject.toml pins Typer below 0.29.
    from typer._click.core import Context, Parameter
    from typer.core import TyperOption

DEFAULT_TIMEOUT_S = 10.0
MIN_TIMEOUT_S = 0.01
MAX_TIMEOUT_S = 3600.0
MAX_ROWS = 10**9
DEFAULT_INTERVAL_S = 2.0
MIN_INTERVAL_S = 0.2


class Options(NamedTuple):
    """The shared options of one command line; what its command does not take has its default."""

    url: str = ""
    context: str = ""
    token_file: str = ""
    ca_file: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S
    output: str = ""
    fields: str = ""
    sort_by: str = ""
    filter: str = ""
    no_headers: bool = False
    limit: int = 0
    watch: bool = False
    interval_s: float = DEFAULT_INTERVAL_S
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False
    yes: bool = False
    confirm: str = ""
    no_input: bool = False
    dry_run: bool = False

    @property
    def view(self) -> View:
        """How the command's rows are to be shown."""
        return View(
            self.output or "table",
            fields=_names(self.fields),
            sort_by=_names(self.sort_by),
            headers=not self.no_headers,
            limit=self.limit,
            quiet=self.quiet,
            filter=self.filter,
            colour=self.color,
        )


def options_of(ctx: typer.Context) -> Options:
    """The shared options that a verb was called with."""
    assert isinstance(ctx.obj, Options), "whoever calls a verb puts them there"
    return ctx.obj


def options_from(given: Mapping[str, object]) -> Options:
    """The options with these values; None stands for the default."""
    known = {name: value for name, value in given.items() if name in Options._fields and value is not None}
    return Options(**known)  # type: ignore[arg-type]  # each TyperOption below yields its field's type


def shared_options(groups: str) -> list[TyperOption]:
    """The options of the groups named, separated by spaces."""
    return [option for name in groups.split() for option in GROUPS[name]()]


def _output_options() -> list[TyperOption]:
    return [
        _text(
            "-o",
            "--output",
            metavar="FORMAT",
            panel="Output",
            envvar="LLMLB_OUTPUT",
            callback=_known_format,
            help=f"One of {', '.join(FORMATS)}. [env: LLMLB_OUTPUT]",
        ),
        _text(
            "--color",
            metavar="WHEN",
            panel="Output",
            callback=_known_colour,
            help="auto, always or never. [env: NO_COLOR, FORCE_COLOR]",
        ),
        *_narration_options(),
    ]


def _narration_options() -> list[TyperOption]:
    return [_flag("-q", "--quiet", help="Only results, no narration.")]


def _listing_options() -> list[TyperOption]:
    return [
        _text("--fields", metavar="NAMES", panel="Output", help="Only these fields: id,state,gpu."),
        _text("--sort-by", metavar="NAMES", panel="Output", help="Sort by these fields: -gpu,id; - reverses."),
        _filter_option("Only rows that match: 'state:online gpu>80'."),
        _flag("--no-headers", panel="Output", help="Leave out the header line."),
        _option(
            "--limit",
            type=int,
            metavar="N",
            help="Show at most N rows; 0: all.",
            rich_help_panel="Output",
            callback=_sensible_limit,
        ),
    ]


def _filter_option(help: str) -> TyperOption:
    return _text("--filter", metavar="QUERY", panel="Output", help=help)


def _watching_options() -> list[TyperOption]:
    return [
        _flag("-w", "--watch", panel="Output", help="Show it again and again; on a pipe only what changed."),
        _option(
            "--interval",
            "interval_s",
            type=float,
            metavar="SECONDS",
            help=f"Between two looks with --watch; default {DEFAULT_INTERVAL_S:g}.",
            rich_help_panel="Output",
            callback=_sensible_interval,
        ),
    ]


def _selection_options() -> list[TyperOption]:
    return [_filter_option("Those that match, as list --filter shows them.")]


def _connection_options() -> list[TyperOption]:
    return [
        _text("--url", metavar="URL", panel="Connection", help="The router. [env: LLMLB_URL]"),
        _text("--context", metavar="NAME", panel="Connection", help="A router logged in to. [env: LLMLB_CONTEXT]"),
        _text("--token-file", metavar="FILE", panel="Connection", help="A file that holds the credential; - is stdin."),
        _text("--ca-file", metavar="FILE", panel="Connection", help="The router's CA. [env: LLMLB_CA_FILE]"),
        _option(
            "--timeout",
            "timeout_s",
            type=float,
            metavar="SECONDS",
            help="The longest wait for the router; default 10. [env: LLMLB_TIMEOUT]",
            envvar="LLMLB_TIMEOUT",
            rich_help_panel="Connection",
            callback=_sensible_timeout,
        ),
        _flag("-v", "--verbose", help="Say on stderr what is asked of the router."),
        _option("--token", hidden=True, expose_value=False, callback=_refuse_token),
    ]


def _consent_options() -> list[TyperOption]:
    return [
        _flag("--yes", panel="Consent", help="Answer yes to a y/N question."),
        _text("--confirm", metavar="TEXT", panel="Consent", help="The id or count that a question asks to type."),
        _flag("--no-input", panel="Consent", envvar="LLMLB_NO_INPUT", help="Never ask. [env: LLMLB_NO_INPUT]"),
    ]


def _trial_options() -> list[TyperOption]:
    return [_flag("--dry-run", panel="Consent", help="Say what would be done, and do nothing.")]


GROUPS = {
    "output": _output_options,
    "narration": _narration_options,
    "listing": _listing_options,
    "watching": _watching_options,
    "selection": _selection_options,
    "connection": _connection_options,
    "consent": _consent_options,
    "trial": _trial_options,
}


def global_options() -> list[TyperOption]:
    """The shared options that may also stand in front of the command, where they are not listed again."""
    options = [
        *_connection_options(),
        *_output_options(),
        *_consent_options(),
    ]
    for option in options:
        option.hidden = True
    return options


def _text(
    *names: str,
    metavar: str,
    panel: str,
    help: str,
    envvar: str | None = None,
    callback: Callable[..., object] | None = None,
) -> TyperOption:
    return _option(
        *names,
        type=str,
        metavar=metavar,
        help=help,
        envvar=envvar,
        rich_help_panel=panel,
        callback=callback,
    )


def _flag(*names: str, help: str, panel: str = "Common", envvar: str | None = None) -> TyperOption:
    return _option(*names, is_flag=True, default=None, help=help, envvar=envvar, rich_help_panel=panel)


def _option(*names: str, **settings: Any) -> TyperOption:
    from typer.core import TyperOption  # a plain read has its options without it

    return TyperOption(param_decls=list(names), **settings)


def _known_format(context: Context, parameter: Parameter, value: str | None) -> str | None:
    if value is None or value in FORMATS:
        return value
    from llmlb_cli.suggestions import did_you_mean

    hint = did_you_mean(value, FORMATS) or f"the formats are {', '.join(FORMATS)}"
    source = context.get_parameter_source(parameter.name or "")
    origin = f", as {parameter.envvar} says" if source is not None and source.name == "ENVIRONMENT" else ""
    raise usage(f'there is no output format "{value}"{origin}', hint=hint)


def _known_colour(context: Context, parameter: Parameter, value: str | None) -> str | None:
    if value is None or value in COLOURS:
        return value
    raise usage(f'--color is "{value}"', hint=f"give one of {', '.join(COLOURS)}")


def _sensible_interval(context: Context, parameter: Parameter, value: float | None) -> float | None:
    if value is not None and not MIN_INTERVAL_S <= value <= MAX_TIMEOUT_S:
        allowed = f"{MIN_INTERVAL_S:g} to {MAX_TIMEOUT_S:g} s"
        raise usage(f"--interval is {value:g}, and must be {allowed}", hint=f"the default is {DEFAULT_INTERVAL_S:g}")
    return value


def _sensible_limit(context: Context, parameter: Parameter, value: int | None) -> int | None:
    if value is not None and not 0 <= value < MAX_ROWS:
        raise usage(f"--limit is {value}, and must be 0 or more", hint="0 shows all")
    return value


def _sensible_timeout(context: Context, parameter: Parameter, value: float | None) -> float | None:
    if value is not None and not MIN_TIMEOUT_S <= value <= MAX_TIMEOUT_S:
        allowed = f"{MIN_TIMEOUT_S:g} to {MAX_TIMEOUT_S:g} s"
        raise usage(f"--timeout is {value:g}, and must be {allowed}", hint=f"the default is {DEFAULT_TIMEOUT_S:g}")
    return value


def _refuse_token(context: Context, parameter: Parameter, value: str | None) -> None:
    if value is not None:
        raise usage(
            "--token is refused: it would show the credential in ps and in the shell's history",
            hint="set LLMLB_TOKEN, give --token-file FILE, or run llmlb login once",
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
