"""What the console remembers between runs: views, columns, theme and bell, per context, in ``console.toml``."""

from __future__ import annotations

import os
from pathlib import Path

from llmlb.errors import ConfigurationError
from llmlb_tui.model.filters import parse_filter
from llmlb_tui.model.reading import Fields, fields
from llmlb_tui.model.sorting import parse_order
from llmlb_tui.model.view import SavedView, first_views
from llmlb_tui.render.columns import parse_columns

FILE_NAME = "console.toml"
ANYWHERE = "default"
"""The table used where there is no context."""


class Preferences:
    """Reads at once, writes when something is saved. folder: None remembers nothing. trouble: why the file was left."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE_NAME
        self._document: dict[str, object] = {}
        self.trouble = ""
        if self._path is not None and self._path.is_file():
            self._read(self._path)

    def views(self, context: str) -> dict[int, SavedView]:
        """The views behind the keys 1 to 4."""
        views = first_views()
        saved = fields(self._table(context).get("views"))
        for number in views:
            given = saved.get(str(number))
            if isinstance(given, dict):
                try:
                    views[number] = _view(given)
                except ConfigurationError as error:
                    self.trouble = f"view {number} of {self._path}: {error.message}"
        return views

    def theme(self, context: str) -> str:
        theme = self._table(context).get("theme")
        return theme if isinstance(theme, str) else ""

    def bell(self, context: str) -> bool:
        """Whether new critical alerts ring."""
        return self._table(context).get("bell") is True

    def columns(self, context: str) -> tuple[str, ...]:
        """The columns that were chosen last, none for the usual ones."""
        try:
            return _columns(self._table(context).get("columns"))
        except ConfigurationError as error:
            self.trouble = f"columns of {self._path}: {error.message}"
            return ()

    def save_columns(self, context: str, columns: tuple[str, ...]) -> None:
        """Keep the columns, without a folder until the end. Raises ConfigurationError as ``save_view`` does."""
        table = {**self._table(context), "columns": list(columns)}
        if self._path is None and not self.trouble:
            self._document[context or ANYWHERE] = table
        else:
            self._write(context, table)

    def save_view(self, context: str, number: int, view: SavedView) -> None:
        """Keep a view. Raises ConfigurationError where the file cannot be written."""
        table = dict(self._table(context))
        saved = dict(fields(table.get("views")))
        saved[str(number)] = {
            "name": view.name,
            "filter": view.filter,
            "sort": view.order,
            "columns": list(view.columns),
        }
        self._write(context, {**table, "views": saved})

    def save_theme(self, context: str, theme: str) -> None:
        """Keep a theme. Raises ConfigurationError where the file cannot be written."""
        self._write(context, {**self._table(context), "theme": theme})

    def save_bell(self, context: str, *, is_on: bool) -> None:
        """Keep whether new critical alerts ring. Raises ConfigurationError where the file cannot be written."""
        self._write(context, {**self._table(context), "bell": is_on})

    def _table(self, context: str) -> Fields:
        return fields(self._document.get(context or ANYWHERE))

    def _read(self, path: Path) -> None:
        import tomllib

        try:
            self._document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            self.trouble = f"{path} is left alone: {error}"
            self._path = None

    def _write(self, context: str, table: Fields) -> None:
        if self._path is None:
            raise ConfigurationError(self.trouble or "this console has no folder to remember anything in")
        import tomli_w

        self._document[context or ANYWHERE] = dict(table)
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(tomli_w.dumps(self._document), encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ConfigurationError(f"cannot write {self._path}: {error.strerror or error}") from error


def _view(given: Fields) -> SavedView:
    """A view of the file, checked."""
    view = SavedView(
        name=str(given.get("name", "")),
        filter=str(given.get("filter", "")),
        order=str(given.get("sort", "")),
        columns=_columns(given.get("columns")),
    )
    parse_filter(view.filter)
    parse_order(view.order)
    return view


def _columns(value: object) -> tuple[str, ...]:
    return parse_columns(",".join(str(name) for name in value) if isinstance(value, list) else "")
