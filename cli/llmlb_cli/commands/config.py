"""llmlb config show, path and validate"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmlb.config.paths import config_dir, data_dir, state_dir
from llmlb.errors import StoreError
from llmlb_cli.exits import note
from llmlb_cli.options import options_of
from llmlb_cli.output import Listing, line, show, show_object
from llmlb_cli.registry import SETTINGS

if TYPE_CHECKING:
    from llmlb.config.loading import Loaded

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="config.toml; default ./config.toml.")
]
DataDir = Annotated[Path | None, typer.Option(metavar="DIR", help="The data directory. [env: LLMLB_DATA_DIR]")]
Dev = Annotated[bool, typer.Option("--dev", help="As serve --dev would read it.")]


def show_config(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Show where each value comes from.")] = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
    dev: Dev = False,
) -> None:
    """Show every setting as llmlb serve would start with, changes made live included; secrets are hidden.

    Examples:
      llmlb config show --origin
      llmlb config show -o json
      llmlb config show --config /etc/llmlb/config.toml --origin
    """
    from llmlb.config.loading import show_settings

    loaded = _with_live_changes(_load(config, data_dir, dev=dev), _data_dir(data_dir))
    options = options_of(ctx)
    rows = [{"key": each.key, "value": each.value, "origin": str(each.origin)} for each in show_settings(loaded)]
    columns = SETTINGS if origin or not options.view.is_human else SETTINGS[:2]
    show(Listing("SettingList", columns, rows, {"file": str(loaded.file or "")}, name="key"), options.view)
    _warn(loaded, quiet=options.quiet)


def show_paths(ctx: typer.Context, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Show which files and directories are used on this machine.

    Examples:
      llmlb config path
      llmlb config path -o json
      llmlb config path -o json | jq -r .item.data_dir
    """
    directory = _data_dir(data_dir)
    candidates = [config] if config else [Path.cwd() / "config.toml", directory / "config.toml"]
    found = next((each for each in candidates if os.path.lexists(each)), None)
    item = {
        "config_file": str(found) if found else None,
        "data_dir": str(directory),
        "contexts_file": str(config_dir() / "contexts.toml"),
        "state_dir": str(state_dir()),
    }
    show_object("Paths", item, options_of(ctx).view, name="config_file")


def validate_config(ctx: typer.Context, config: ConfigFile = None, data_dir: DataDir = None, dev: Dev = False) -> None:
    """Check the configuration without starting anything; exit code 2 and one line for each problem when it is wrong.

    Examples:
      llmlb config validate
      llmlb config validate --config ./config.toml
      llmlb config validate -o json | jq .item.warnings
    """
    loaded = _load(config, data_dir, dev=dev)
    options = options_of(ctx)
    _warn(loaded, quiet=options.quiet)
    if options.view.is_human:
        line(f"{loaded.file or 'the defaults and the environment'}: valid")
        return
    item = {"valid": True, "file": str(loaded.file) if loaded.file else None, "warnings": list(loaded.warnings)}
    show_object("Validation", item, options.view, name="file")


def _load(config: Path | None, chosen_data_dir: Path | None, *, dev: bool) -> Loaded:
    from llmlb.config.loading import load_settings

    return load_settings(
        data_dir=_data_dir(chosen_data_dir),
        environ=os.environ,
        working_dir=Path.cwd(),
        config_file=config,
        dev=dev,
    )


def _with_live_changes(loaded: Loaded, directory: Path) -> Loaded:
    """The settings with what was changed through the API; a store that cannot be read is told, not fatal."""
    if not (directory.is_dir() or loaded.settings.store.url):
        return loaded
    from llmlb.config.loading import apply_stored
    from llmlb_cli.local_store import has_store, stored_settings

    try:
        if not has_store(directory, loaded.settings.store.url):
            return loaded
        return apply_stored(loaded, stored_settings(directory, loaded.settings.store.url))[0]
    except StoreError as error:
        note(f"warning: changes made live are not shown: {error.message}")
        return loaded


def _data_dir(chosen: Path | None) -> Path:
    return chosen.absolute() if chosen else data_dir()


def _warn(loaded: Loaded, *, quiet: bool) -> None:
    if not quiet:
        for warning in loaded.warnings:
            note(f"warning: {warning}")
