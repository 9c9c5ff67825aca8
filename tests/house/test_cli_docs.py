"""docs/cli.md says what the commands say."""

from __future__ import annotations

from llmlb_cli.exits import ExitCode
from llmlb_cli.output import FORMATS
from llmlb_cli.reference import FILE, reference
from llmlb_cli.tree import COMMANDS, Noun


def test_the_page_is_written_from_the_commands() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run: python -m llmlb_cli.reference"


def test_every_command_format_and_exit_code_is_named() -> None:
    page = FILE.read_text(encoding="utf-8")
    for name, entry in COMMANDS.items():
        assert f"\n### llmlb {name}\n" in page
        verbs = entry.verbs if isinstance(entry, Noun) else ()
        assert all(f"\n### llmlb {name} {verb}\n" in page for verb in verbs)
    assert all(f"`{form}`" in page for form in FORMATS)
    assert all(f"\n| {int(code)} | " in page for code in ExitCode)
