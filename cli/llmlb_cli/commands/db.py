"""llmlb db check, backup, restore and backups"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from llmlb.clock import rfc3339, unix_s
from llmlb.config.paths import data_dir as usual_data_dir
from llmlb.errors import StoreBusy, StoreError
from llmlb_cli.commands.config import ConfigFile, DataDir
from llmlb_cli.consent import ask_yes
from llmlb_cli.exits import ExitCode, Failure, note
from llmlb_cli.local_backups import (
    StoreFiles,
    back_up,
    backups_of,
    bytes_of,
    check_file,
    chosen_backup,
    drafts_of,
    manual_target,
    put_back,
    require_owner,
    require_stopped,
    require_store,
    written,
)
from llmlb_cli.options import options_of
from llmlb_cli.output import Listing, line, show, show_object
from llmlb_cli.progress import Done, watched
from llmlb_cli.record_columns import BACKUPS, STORE_FILES
from llmlb_cli.units import size

Dev = Annotated[bool, typer.Option("--dev", help="Read the configuration as serve --dev would.")]


def check_store(ctx: typer.Context, config: ConfigFile = None, data_dir: DataDir = None, dev: Dev = False) -> ExitCode:
    """Read the store's files whole and say what is wrong with them. Nothing is repaired or changed.

    It works beside a running router and while none runs. Exit code 10 when a file is damaged; llmlb db restore puts a
    backup in its place.

    Examples:
      llmlb db check
      llmlb db check --data-dir /var/lib/llmlb -o json
      llmlb db check && llmlb db backup
    """
    options = options_of(ctx)
    files = _files(config, data_dir, dev=dev)
    require_store(files)
    require_owner(files)
    paths = [path for path in (files.places.main, files.places.runtime) if path.is_file()]
    rows = [
        watched(
            partial(check_file, path),
            label=f"reading {path.name} ({size(bytes_of(path))})",
            done=lambda: Done(0, 0),
            quiet=options.quiet,
        )
        for path in paths
    ]
    show(Listing("StoreFileList", STORE_FILES, rows, {"directory": str(files.directory)}, name="file"), options.view)
    if all(row["sound"] for row in rows):
        return ExitCode.OK
    if options.view.is_human:
        _tell_problems(files, rows)
    return ExitCode.CHECK_NOT_MET


def back_up_store(
    ctx: typer.Context,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; default: among the daily ones.")] = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
    dev: Dev = False,
) -> None:
    """Copy the store: nodes, keys, users, settings and audit. A router may be running; it makes a copy daily itself.

    The copy holds hashes of keys and passwords and the engines' API keys: it is readable by its owner alone. Request
    records and counters are not part of it. A backup made here is never thinned out.

    Examples:
      llmlb db backup
      llmlb db backup --to /mnt/backups/llmlb.db
      llmlb db backup -o json | jq -r .item.path
    """
    options = options_of(ctx)
    files = _files(config, data_dir, dev=dev)
    require_store(files)
    require_owner(files)
    target = to.absolute() if to else manual_target(files)
    if target.exists():
        raise Failure(f"{target} exists already", exit_code=ExitCode.CONFLICT, hint="choose another name: --to FILE")
    total = bytes_of(files.places.main)
    try:
        watched(
            lambda: back_up(files, target), label="backing up", done=lambda: written(target, total), quiet=options.quiet
        )
    except (KeyboardInterrupt, SystemExit):
        drafts_of(target)[0].unlink(missing_ok=True)
        raise
    found = {"name": target.name, "path": str(target), "at": rfc3339(unix_s()), "size_bytes": bytes_of(target)}
    if not options.view.is_human:
        show_object("Backup", found, options.view, name="name", columns=BACKUPS)
    elif not options.quiet:
        line(f"backed up {size(found['size_bytes'])} to {target}  next: llmlb db backups")


def restore_store(
    ctx: typer.Context,
    backup: Annotated[
        str, typer.Argument(metavar="[BACKUP]", help="A name of llmlb db backups, or a file; default: the newest.")
    ] = "",
    config: ConfigFile = None,
    data_dir: DataDir = None,
    dev: Dev = False,
) -> None:
    """Put a backup in the store's place. The router must be stopped; the file that was there is kept beside it.

    The backup is checked first: from a damaged one, or one of a newer llmlb, nothing is taken. What was changed after
    it was made is lost: nodes that registered since register again, as pending. Request records stay.

    Examples:
      llmlb db restore
      llmlb db restore --dry-run
      llmlb db restore llmlb-20260131T031500Z.db --yes
      llmlb db restore /mnt/backups/llmlb.db --data-dir /var/lib/llmlb
    """
    options = options_of(ctx)
    files = _files(config, data_dir, dev=dev)
    source = chosen_backup(files, backup)
    require_owner(files)
    try:
        require_stopped(files)
    except StoreBusy as error:
        raise _in_use(error) from error
    main = files.places.main
    made_at = rfc3339(source.stat().st_mtime)
    ask_yes(
        f"Restore {main}?",
        options,
        impact=[
            f"from {source} ({made_at}, {size(bytes_of(source))}); what was changed since then is lost",
            f"the file that is there now is kept as {main.name}.replaced-..." if main.exists() else "no file is there",
        ],
    )
    item: dict[str, object] = {"path": str(main), "restored_from": str(source), "backup_at": made_at}
    if options.dry_run:
        if not options.view.is_human:
            show_object("Restore", {**item, "dry_run": True}, options.view, name="path")
        return
    try:
        aside = watched(
            lambda: put_back(files, source),
            label="restoring",
            done=lambda: written(main, bytes_of(source)),
            quiet=options.quiet,
            is_atomic=True,
        )
    except StoreBusy as error:
        raise _in_use(error) from error
    except StoreError as error:
        raise _unusable(error, files, source) from error
    if not options.view.is_human:
        item["replaced_file"] = str(aside) if aside else None
        show_object("Restore", item, options.view, name="path")
    elif not options.quiet:
        kept = f", the file before it is {aside}" if aside else ""
        line(f"restored {main} as of {made_at}{kept}  next: llmlb serve")


def list_store_backups(
    ctx: typer.Context, config: ConfigFile = None, data_dir: DataDir = None, dev: Dev = False
) -> None:
    """List the backups in the data directory, newest first: daily ones, those before an upgrade, your own.

    Examples:
      llmlb db backups
      llmlb db backups -o name --limit 1
      llmlb db backups --filter 'size>1MB'
    """
    options = options_of(ctx)
    files = _files(config, data_dir, dev=dev)
    rows = backups_of(files)
    meta = {"directory": str(files.places.backups)}
    show(Listing("BackupList", BACKUPS, rows, meta, name="name"), options.view)


def _files(config: Path | None, chosen_data_dir: Path | None, *, dev: bool) -> StoreFiles:
    """The store that llmlb serve would open with these options."""
    from llmlb.config.loading import load_settings

    directory = chosen_data_dir.absolute() if chosen_data_dir else usual_data_dir()
    loaded = load_settings(data_dir=directory, environ=os.environ, working_dir=Path.cwd(), config_file=config, dev=dev)
    return StoreFiles(directory, loaded.settings.store.url)


def _tell_problems(files: StoreFiles, rows: list[dict[str, object]]) -> None:
    """What SQLite found, and the next step where the finding does not say it itself."""
    steps = {
        files.places.main.name: f"stop llmlb, then llmlb db restore --data-dir {files.directory}",
        files.places.runtime.name: f"stop llmlb, move {files.places.runtime} with its -wal and -shm away, start again",
    }
    for row in rows:
        problems = [str(each) for each in row["problems"]] if isinstance(row["problems"], list) else []
        for problem in problems:
            note(f"{row['file']}: {problem}")
        if problems and not any("stop llmlb" in problem for problem in problems):
            note(f"next: {steps[str(row['file'])]}")


def _in_use(error: StoreBusy) -> Failure:
    hint = "stop it first; llmlb db check and llmlb db backup work beside it"
    return Failure(error.message, exit_code=ExitCode.CONFLICT, code="store_in_use", hint=hint)


def _unusable(error: StoreError, files: StoreFiles, source: Path) -> Failure:
    """The failure, with the next older backup as its hint where the chosen one is no good."""
    names = [str(backup["name"]) for backup in backups_of(files)]
    older = names[names.index(source.name) + 1 :] if source.name in names else []
    hint = f"try an older one: llmlb db restore {older[0]}" if older else "which there are: llmlb db backups"
    return Failure(error.message, code="store", hint=hint)
