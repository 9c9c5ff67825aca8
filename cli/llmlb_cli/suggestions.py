"""Names close to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def close_names(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """The known names closest to ``name``, best first; one that begins with it counts as close."""
    import difflib  # only on the way to an error

    names = list(dict.fromkeys(known))
    close = difflib.get_close_matches(name, names, n=most, cutoff=0.6)
    begun = [each for each in names if len(name) >= 2 and each.startswith(name)]
    return list(dict.fromkeys([*close, *begun]))[:most]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean list, get ?`` or an empty text when nothing is close."""
    close = close_names(name, known)
    return f"did you mean {', '.join(close)} ?" if close else ""
