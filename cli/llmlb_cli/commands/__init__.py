"""The commands: a module for each noun, imported when one of its verbs runs or its help is shown."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module


def function_of(target: str) -> Callable[..., object]:
    """Import the module of a command; the function that does its work. target: ``module:function``."""
    module, _, attribute = target.partition(":")
    function: Callable[..., object] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return function
