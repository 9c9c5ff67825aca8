"""``llmlb top``: the console an operator leaves open all day.

    options   what the command line asked for
    model/    pure: the fleet as the console knows it, filters, sorting, columns, actions; no Textual, no I/O
    render/   pure: lines of styled text, from the model
    source    the only I/O of the live data: the router's event feed, with polling as the fallback
    record*   what a console was told, in a file; replay* plays it in the router's place
    widgets/  one widget draws all lines; only what changed is sent to the terminal
    screens/  one file per screen
    dialogs/  questions before something happens, and what came of it
    first_*   the first snapshot and the first picture, before Textual is imported
    app       the application that holds them together

``run`` opens the console and returns the exit code. Importing this package imports neither Textual nor httpx.
"""

from __future__ import annotations

from llmlb_tui.options import ConsoleOptions

__all__ = ["ConsoleOptions", "run"]


def run(options: ConsoleOptions) -> int:
    """Open the console, or print one frame with ``options.once``; returns the exit code.

    Raises LlmlbError where nothing could be shown: a terminal that cannot draw, an unusable option, and for one frame
    a router that does not answer. The console itself never ends because the router is away.
    """
    from llmlb_tui.first_look import FirstLook

    look = FirstLook(options.url, token=options.token, ca_file=options.ca_file)
    if not options.once:
        import os

        from llmlb_tui.terminal import require_terminal

        require_terminal(os.environ)
        if not options.replay:
            look.begin()
    from llmlb_tui.start import start

    return start(options, look)
