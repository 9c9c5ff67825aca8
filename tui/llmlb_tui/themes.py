"""Colours: what each role looks like in each theme. Load runs from blue to violet; red and yellow mean trouble only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from llmlb.errors import ConfigurationError
from llmlb_tui.render.line import Role


class ThemeFile(NamedTuple):
    """Where a theme of the operator's own was read from. stamp: when it was written, in nanoseconds."""

    path: Path
    stamp: int

    def present_stamp(self) -> int | None:
        """When it was written last; None while there is no such file."""
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return None


class Palette(NamedTuple):
    """One theme. styles: Rich's style language by role.  is_ansi: the terminal's own sixteen colours, or none.

    file: where it was read from, None for one of ours.
    """

    name: str
    background: str
    surface: str
    styles: Mapping[Role, str]
    is_dark: bool = True
    is_ansi: bool = False
    is_colourless: bool = False
    file: ThemeFile | None = None


TITLE_ROLES = (
    Role.TITLE_RED, Role.TITLE_YELLOW, Role.TITLE_GREEN, Role.TITLE_BLUE, Role.TITLE_MAGENTA, Role.TITLE_CYAN
)  # fmt: skip
"""The colours that a context may give the title, to tell routers apart at a glance."""
_DEEP = ("#a3282c", "#7a5c00", "#1f6b34", "#1f5fae", "#8a3a9b", "#0f6b74")
_PALE = ("#ff9e9e", "#ffe066", "#8ee09f", "#9cc8ff", "#e6a8f0", "#7fdde0")


def _titles(text: str, grounds: Sequence[str]) -> dict[Role, str]:
    return {role: f"bold {text} on {ground}" for role, ground in zip(TITLE_ROLES, grounds, strict=True)}


def _styles(
    text: str,
    dim: str,
    strong: str,
    accent: str,
    *,
    good: str,
    waiting: str,
    warning: str,
    trouble: str,
    paused: str,
    loads: tuple[str, str, str, str],
    cursor: str,
    stale: str,
    danger: str,
) -> dict[Role, str]:
    low, middle, high, full = loads
    return {
        Role.TEXT: text,
        Role.DIM: dim,
        Role.STRONG: f"bold {strong}",
        Role.TITLE: f"bold {accent}",
        Role.HEADER: f"bold {dim}",
        Role.KEY: f"bold {accent}",
        Role.GOOD: good,
        Role.WAITING: waiting,
        Role.WARNING: f"bold {warning}",
        Role.TROUBLE: f"bold {trouble}",
        Role.PAUSED: paused,
        Role.MARK: f"bold {waiting}",
        Role.LOAD_LOW: low,
        Role.LOAD_MIDDLE: middle,
        Role.LOAD_HIGH: high,
        Role.LOAD_FULL: full,
        Role.CURSOR: cursor,
        Role.STALE: stale,
        Role.DANGER_TITLE: danger,
        **_titles("#ffffff", _DEEP),
    }


DARK = Palette(
    "dark",
    "#101418",
    "#1a2129",
    _styles(
        "#d7dde3", "#94a1ae", "#ffffff", "#7cc7ff",
        good="#7ddf90", waiting="#e6c84f", warning="#ffb454", trouble="#ff8f87", paused="#c9a2ff",
        loads=("#76b6ff", "#97a4ff", "#b89aff", "#e08cff"),
        cursor="on #213446", stale="#94a1ae", danger="bold #ffffff on #a3282c",
    ),
)  # fmt: skip
LIGHT = Palette(
    "light",
    "#ffffff",
    "#eef1f4",
    _styles(
        "#1f2328", "#57606a", "#000000", "#0550ae",
        good="#116329", waiting="#7d4e00", warning="#953800", trouble="#a40e26", paused="#6639ba",
        loads=("#0550ae", "#4136b5", "#6a2fb8", "#8a1fa5"),
        cursor="on #d8e6f5", stale="#57606a", danger="bold #ffffff on #a40e26",
    )
    | _titles("#000000", _PALE),
    is_dark=False,
)  # fmt: skip
HIGH_CONTRAST = Palette(
    "high-contrast",
    "#000000",
    "#101010",
    _styles(
        "#ffffff", "#e0e0e0", "#ffffff", "#80d8ff",
        good="#80ff80", waiting="#ffff60", warning="#ffc060", trouble="#ffa0a0", paused="#e0c0ff",
        loads=("#a0d0ff", "#c0c8ff", "#d8c0ff", "#ffb0ff"),
        cursor="bold on #003a70", stale="#e0e0e0", danger="bold #000000 on #ffa0a0",
    ),
)  # fmt: skip
DEUTERANOPIA = Palette(
    "deuteranopia",
    "#101418",
    "#1a2129",
    _styles(
        "#d7dde3", "#94a1ae", "#ffffff", "#7cc7ff",
        good="#6cb6ff", waiting="#f0e442", warning="#ffc04d", trouble="#ff9e3d", paused="#c5b5ff",
        loads=("#76b6ff", "#97a4ff", "#b89aff", "#e08cff"),
        cursor="on #213446", stale="#94a1ae", danger="bold #101418 on #ff9e3d",
    ),
)  # fmt: skip
TRITANOPIA = Palette(
    "tritanopia",
    "#101418",
    "#1a2129",
    _styles(
        "#d7dde3", "#94a1ae", "#ffffff", "#5fd3d3",
        good="#4fd6c4", waiting="#ffb3c7", warning="#ff9aa8", trouble="#ff7f7f", paused="#d5b8d8",
        loads=("#6fc6d6", "#8fb8d0", "#c0a8c8", "#ff9ad5"),
        cursor="on #213446", stale="#94a1ae", danger="bold #101418 on #ff7f7f",
    ),
)  # fmt: skip
ANSI = Palette(
    "ansi",
    "default",
    "default",
    _styles(
        "default", "default", "default", "cyan",
        good="green", waiting="yellow", warning="yellow", trouble="red", paused="magenta",
        loads=("cyan", "blue", "magenta", "bright_magenta"),
        cursor="reverse", stale="default", danger="bold reverse red",
    )
    | {Role.DIM: "default", Role.HEADER: "underline", Role.STRONG: "bold", Role.LOAD_MIDDLE: "bright_cyan"}
    | {role: f"bold reverse {role.removeprefix('title-')}" for role in TITLE_ROLES},
    is_ansi=True,
)  # fmt: skip
MONO = Palette(
    "mono",
    "default",
    "default",
    {
        **dict.fromkeys(Role, ""),
        Role.STRONG: "bold",
        Role.TITLE: "bold",
        Role.HEADER: "underline",
        Role.KEY: "bold",
        Role.WARNING: "bold",
        Role.TROUBLE: "bold",
        Role.MARK: "bold",
        Role.CURSOR: "reverse",
        Role.DANGER_TITLE: "bold reverse",
        **dict.fromkeys(TITLE_ROLES, "bold reverse"),
    },
    is_ansi=True,
    is_colourless=True,
)

PALETTES: Mapping[str, Palette] = {
    palette.name: palette for palette in (DARK, LIGHT, HIGH_CONTRAST, DEUTERANOPIA, TRITANOPIA, ANSI, MONO)
}
_BASES = {"background", "surface", "like", "dark"}


def palette_named(name: str, themes_folder: Path | None = None) -> Palette:
    """A theme by name, or by a file ``NAME.toml`` in the themes folder. Raises ConfigurationError with the names."""
    if name in PALETTES:
        return PALETTES[name]
    path = None if themes_folder is None else themes_folder / f"{name}.toml"
    if path is not None and "/" not in name and path.is_file():
        return read_palette(path)
    raise ConfigurationError(f"there is no theme {name!r}; known: {', '.join(PALETTES)}")


def read_palette(path: Path) -> Palette:
    """A theme of the operator's own: ``like = "dark"``, and styles by role: ``trouble = "bold #ff5555"``.

    Raises ConfigurationError for what cannot be read.
    """
    import tomllib

    from rich.errors import StyleSyntaxError
    from rich.style import Style

    # Looked at first: what is written while it is read comes with the next stamp.
    file = ThemeFile(path, ThemeFile(path, 0).present_stamp() or 0)
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the theme {path} cannot be read: {error}") from error
    base = PALETTES.get(str(given.get("like", "dark")), DARK)
    styles = dict(base.styles)
    for key, value in given.items():
        if key in _BASES:
            continue
        if key not in set(Role):
            raise ConfigurationError(f"{path}: there is no role {key!r}; known: {', '.join(Role)}")
        try:
            Style.parse(str(value))
        except StyleSyntaxError as error:
            raise ConfigurationError(f"{path}: {key} = {value!r} is no style: {error}") from error
        styles[Role(key)] = str(value)
    return base._replace(
        name=path.stem,
        styles=styles,
        background=str(given.get("background", base.background)),
        surface=str(given.get("surface", base.surface)),
        is_dark=bool(given.get("dark", base.is_dark)),
        file=file,
    )
