"""From options to a running console."""

from __future__ import annotations

import gc
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmlb.client.contexts import Context, load_contexts
from llmlb.client.credentials import default_folders
from llmlb.clock import monotonic_s, unix_s
from llmlb.errors import ConfigurationError
from llmlb_tui.desk import Desk, Identity
from llmlb_tui.first_look import FirstLook
from llmlb_tui.first_picture import FirstPicture, first_picture
from llmlb_tui.model.connection import Connection
from llmlb_tui.model.filters import FilterError, parse_filter
from llmlb_tui.model.fleet import FleetState
from llmlb_tui.model.sorting import parse_order
from llmlb_tui.model.view import View
from llmlb_tui.options import ConsoleOptions
from llmlb_tui.preferences import Preferences
from llmlb_tui.render.columns import parse_columns
from llmlb_tui.render.glyphs import ASCII, UNICODE
from llmlb_tui.render.painter import Painter
from llmlb_tui.terminal import default_theme, is_remote, prepare_environment, wants_ascii
from llmlb_tui.themes import Palette, palette_named

if TYPE_CHECKING:
    from llmlb.client.control import ControlClient
    from llmlb_tui.app import ConsoleApp
    from llmlb_tui.recorded import Recording
    from llmlb_tui.recording import Recorder

MAX_FPS = 30.0


def start(options: ConsoleOptions, look: FirstLook) -> int:
    """Open the console, or print one frame. Raises LlmlbError where nothing could be shown.

    look: begun, so that the router answers while this is imported; one frame needs none, and a replay has none.
    """
    if (options.record or options.replay) and (options.once or (options.record and options.replay)):
        raise ConfigurationError("--record, --replay and --once exclude each other")
    folders = default_folders(os.environ)
    preferences = Preferences(folders.config)
    context = _context(folders.contexts, options.context)
    desk = make_desk(options, preferences, context)
    if options.once:
        from llmlb_tui.once import print_once

        return print_once(desk, options)
    palette = _palette(options, preferences, folders.config)
    prepare_environment(os.environ, colourless=palette.is_colourless)
    tape = _tape(options)
    # Imports make much that lives and little that dies; the application collects again after its first picture.
    gc.disable()
    try:
        with first_picture(Painter(palette, is_ascii=desk.glyphs.is_ascii), os.environ) as picture:
            if not options.replay:
                # A desk of its own: the look's thread writes on it while the application reads the other one.
                look.show(make_desk(options, preferences, context), picture.draw)
            return _run(desk, options, palette, preferences, folders.config, look, picture, tape)
    finally:
        gc.enable()
        if tape is not None:
            tape.close()


def _tape(options: ConsoleOptions) -> Recorder | Recording | None:
    """The file to write or to play, open; None for none of both. Raises ConfigurationError."""
    if options.record:
        from llmlb_tui.recording import Recorder

        recorder = Recorder(Path(options.record), now_s=monotonic_s, now_unix_s=unix_s)
        recorder.hide(options.token)
        return recorder
    if options.replay:
        from llmlb_tui.recorded import open_recording

        return open_recording(Path(options.replay))
    return None


def make_desk(options: ConsoleOptions, preferences: Preferences, context: Context | None) -> Desk:
    """The desk as the options want it. Raises ConfigurationError for a filter, order or view that does not exist."""
    identity = Identity(
        options.url,
        context=options.context,
        must_type_name=context is not None and context.confirm == "type-name",
        color="" if context is None else context.color,
    )
    interval_s = min(60.0, max(0.25, options.interval_s))
    desk = Desk(
        identity,
        state=FleetState(now_s=monotonic_s(), now_unix_s=unix_s()),
        connection=Connection(interval_s=interval_s),
        view=_view(options, preferences),
        views=preferences.views(options.context),
        glyphs=ASCII if options.ascii or wants_ascii(os.environ) else UNICODE,
        is_readonly=options.readonly or bool(os.environ.get("LLMLB_READONLY")),
        interval_s=interval_s,
        has_bell=options.bell or preferences.bell(options.context),
    )
    if preferences.trouble:
        desk.state.events.add("failed", preferences.trouble, at_unix_s=0.0, subject="console.toml")
    return desk


def _view(options: ConsoleOptions, preferences: Preferences) -> View:
    """The saved view, if one was named, with what the options say on top."""
    filter_text, order_text, columns = options.filter, options.sort, parse_columns(options.columns)
    if options.view:
        views = preferences.views(options.context)
        saved = next(
            (view for number, view in views.items() if options.view in (str(number), view.name)),
            None,
        )
        if saved is None:
            known = ", ".join(f"{number} {view.name}" for number, view in views.items())
            raise ConfigurationError(f"there is no view {options.view!r}; known: {known}")
        filter_text, order_text = filter_text or saved.filter, order_text or saved.order
        columns = columns or saved.columns
    if not options.once:
        # One frame is for scripts: what was chosen in a console does not change it.
        columns = columns or preferences.columns(options.context)
    try:
        chosen = parse_filter(filter_text)
    except FilterError as error:
        caret = " " * error.position + "^"
        raise ConfigurationError(f"the filter cannot be read: {error.message}\n{filter_text}\n{caret}") from error
    return View(chosen, parse_order(order_text), columns)


def _context(path: Path, name: str) -> Context | None:
    return load_contexts(path).by_name.get(name) if name else None


def _palette(options: ConsoleOptions, preferences: Preferences, config_folder: Path) -> Palette:
    by_terminal = default_theme(os.environ)
    # Without colour there is no choice; otherwise the flag, what was chosen last time, what the terminal can do.
    wanted = (
        by_terminal if by_terminal == "mono" else options.theme or preferences.theme(options.context) or by_terminal
    )
    return palette_named(wanted, config_folder / "themes")


def _run(
    desk: Desk,
    options: ConsoleOptions,
    palette: Palette,
    preferences: Preferences,
    config_folder: Path,
    look: FirstLook,
    picture: FirstPicture,
    tape: Recorder | Recording | None,
) -> int:
    from llmlb_tui.shell import DEFAULT_FPS, REMOTE_FPS

    def make_client() -> ControlClient:
        from llmlb.client.control import ControlClient

        return ControlClient(options.url, token=options.token, ca_file=options.ca_file or None)

    usual_fps = REMOTE_FPS if is_remote(os.environ) else DEFAULT_FPS
    app = _make_app(
        tape,
        desk,
        palette=palette,
        make_client=make_client,
        fps=min(MAX_FPS, max(0.2, options.fps or usual_fps)),
        preferences=preferences,
        config_folder=config_folder,
        ca_file=options.ca_file,
        look=look,
        renew=options.renew,
    )
    app.ending.expect()
    picture.hand_over()
    code = app.run(mouse=options.mouse)
    app.ending.is_over()
    if app.broken_by is not None:
        return _report(app.broken_by)
    if not options.replay:
        _say_goodbye(app)
    if options.record:
        _write(f"  recorded in {options.record}; to look at it: llmlb top --replay {shlex.quote(options.record)}\n")
    return 0 if code is None else code


def _make_app(tape: Recorder | Recording | None, desk: Desk, **settings: Any) -> ConsoleApp:
    if tape is None:
        from llmlb_tui.app import ConsoleApp

        return ConsoleApp(desk, **settings)
    from llmlb_tui.recording import Recorder

    if isinstance(tape, Recorder):
        from llmlb_tui.recording_app import RecordingApp

        return RecordingApp(desk, recorder=tape, **settings)
    from llmlb_tui.replay_app import ReplayApp

    return ReplayApp(desk, recording=tape, **settings)


def _report(error: Exception) -> int:
    """The console broke: the traceback goes to a file, the operator gets its path."""
    import tempfile
    import traceback

    descriptor, path = tempfile.mkstemp(prefix="llmlb-top-", suffix=".log", text=True)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    _write(
        f"error: the console broke ({type(error).__name__})\n"
        f"  hint:    the details are in {path}\n"
        "  code:    1 failure\n"
    )
    return 1


def _say_goodbye(app: ConsoleApp) -> None:
    """Three lines that stay in the terminal's scrollback."""
    from llmlb_tui.render.goodbye import goodbye

    _write(goodbye(app.desk, app.now_s()))


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
