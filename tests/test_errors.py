from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

from llmlb import errors
from llmlb.errors import LlmlbError

ROOT = Path(__file__).parents[1]
PACKAGES = {"llmlb": ROOT, "llmlb_cli": ROOT / "cli", "llmlb_tui": ROOT / "tui"}


def package_of(module: str) -> str:
    """``llmlb.auth`` for ``llmlb.auth.urls``; the console and the commands are one package each."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "llmlb" else parts[0]


def imports() -> Iterator[tuple[str, str, str]]:
    """Every name that one of our modules takes from another: importer, module, name."""
    for name, folder in PACKAGES.items():
        for path in sorted((folder / name).rglob("*.py")):
            importer = ".".join(path.relative_to(folder).with_suffix("").parts)
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
                    yield from ((importer, node.module, alias.name) for alias in node.names)


def test_an_exception_known_by_name_in_two_packages_stands_in_the_one_tree() -> None:
    strays = set()
    for importer, module, name in imports():
        # The name of an exception, before anything is imported for its sake.
        if not name[0].isupper() or package_of(importer) == package_of(module):
            continue
        found = getattr(importlib.import_module(module), name)
        if isinstance(found, type) and issubclass(found, BaseException) and found.__module__ != "llmlb.errors":
            strays.add(f"{importer}: {module}.{name}")
    assert strays == set()


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn = errors.__doc__ or ""
    members = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, LlmlbError)]
    assert [each.__name__ for each in members if each.__name__ not in drawn.split()] == []
    assert all(each.__module__ == "llmlb.errors" for each in members)
