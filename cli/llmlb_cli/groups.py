"""Commands that are imported only when they run or their help is shown."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from llmlb_cli.commands import function_of
from llmlb_cli.exits import SUMMARY, Failure, usage
from llmlb_cli.options import global_options, options_from, shared_options
from llmlb_cli.output import write
from llmlb_cli.pages import front_page, noun_page, verb_page
from llmlb_cli.suggestions import did_you_mean
from llmlb_cli.tree import ALIASES, COMMANDS, Noun, Verb, canonical

if TYPE_CHECKING:
    # Typer 0.28 vendors Click and has no public name for these; pyproject.toml pins Typer below 0.29.
    from typer._click.core import Command, Context, Parameter


class LeafCommand(TyperCommand):
    """One verb. Shared options reach it as ``ctx.obj``, its own ones as its function's arguments."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        super().__init__(name, **settings)
        self._own = frozenset(parameter.name for parameter in self.params)

    def take(self, shared: Sequence[TyperOption]) -> None:
        """Add shared options; an own one of the same name or spelling wins: loadtest's --timeout is another one."""
        spellings = {spelling for parameter in self.params for spelling in parameter.opts}
        for option in shared:
            if option.name not in self._own and not spellings.intersection(option.opts):
                self.params.append(option)

    def get_help_option(self, ctx: Context) -> TyperOption:
        return _help_option()

    def get_help(self, ctx: Context) -> str:
        return verb_page(self, ctx, exit_codes=SUMMARY)

    def invoke(self, ctx: Context) -> Any:
        given = self._given(ctx)
        gc.enable()
        options = ctx.obj = options_from(given)
        ctx.params = {name: value for name, value in ctx.params.items() if name in self._own}
        if not options.watch:
            return super().invoke(ctx)
        from llmlb_cli.watching import watch

        run_once = super().invoke
        return watch(lambda: run_once(ctx), options)

    def _given(self, ctx: Context) -> dict[str, object]:
        """The shared options wherever they stand: the last place wins, and a variable counts less than any of them."""
        from_variables: dict[str, object] = {}
        typed: dict[str, object] = {}
        for each in _chain(ctx):
            for name, value in each.params.items():
                if value is None or (each is ctx and name in self._own):
                    continue
                source = each.get_parameter_source(name)
                given = typed if source is not None and source.name == "COMMANDLINE" else from_variables
                given[name] = value
        return {**from_variables, **typed}


class LazyGroup(TyperGroup):
    """A command that leads to others, which it knows from the table alone."""

    def __init__(self, name: str, table: Mapping[str, Verb | Noun]) -> None:
        super().__init__(name=name, params=list(global_options()))
        self._table = table

    def list_commands(self, ctx: Context) -> list[str]:
        return list(self._table)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        name = canonical(cmd_name, self._table)
        match self._table.get(name):
            case Noun() as noun:
                return NounGroup(name, noun)
            case Verb() as verb:
                return load(name, verb)
            case None:
                return None

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None:
            raise self._unknown(ctx, args[0])
        return command.name, command, args[1:]

    def invoke(self, ctx: Context) -> Any:
        if not ctx._protected_args:
            names = ", ".join(self._table)
            raise usage(f"{ctx.command_path} needs a command: {names}", hint=f"{ctx.command_path} --help")
        return super().invoke(ctx)

    def get_help_option(self, ctx: Context) -> TyperOption:
        return _help_option()

    def get_help(self, ctx: Context) -> str:
        return front_page()

    def _unknown(self, ctx: Context, name: str) -> Failure:
        known = [*self._table, *(alias for alias, target in ALIASES.items() if target in self._table)]
        message = f'there is no command "{ctx.command_path} {name}"'
        return usage(message, hint=did_you_mean(name, known) or f"{ctx.command_path} --help")


class NounGroup(LazyGroup):
    """The group of one noun's verbs."""

    def __init__(self, name: str, noun: Noun) -> None:
        super().__init__(name, noun.verbs)
        self._noun = noun

    def get_help(self, ctx: Context) -> str:
        return noun_page(self.name or "", self._noun)


def root() -> LazyGroup:
    """The whole command tree, none of it imported."""
    return LazyGroup("llmlb", COMMANDS)


def load(name: str, verb: Verb) -> LeafCommand:
    """Import one command and give it the shared options that the table names."""
    function = function_of(verb.target)
    # A command that plain reads may run imports Typer for its annotations alone, which nobody reads before this.
    function.__globals__.setdefault("typer", typer)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, cls=LeafCommand)(function)
    command = get_command(app)
    assert isinstance(command, LeafCommand), "Typer makes the class it was given"
    command.take(shared_options(verb.options))
    return command


def _chain(ctx: Context) -> list[Context]:
    """The contexts from the root to this one: an option given later wins."""
    chain = [ctx]
    while chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    return chain[::-1]


def _help_option() -> TyperOption:
    return TyperOption(
        param_decls=["-h", "--help"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_help,
        help="Show this page.",
        rich_help_panel="Common",
    )


def _show_help(ctx: Context, parameter: Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        write(ctx.get_help())
        raise typer.Exit
