"""Tags of a node as operators change them: some are added, some are taken away, and of one key there is one value."""

from __future__ import annotations

from collections.abc import Sequence


def retagged(before: Sequence[str], tags: Sequence[str], untags: Sequence[str]) -> list[str]:
    """The tags after ``untags`` were taken away and ``tags`` were added, each in the place of another with its key.

    untags: ``K`` stands for the tag ``K`` and for every ``K=V``, ``K=`` for the latter alone, ``K=V`` for itself.
    """
    gone = {*untags, *(f"{each}=" for each in untags if "=" not in each)}
    kept = [each for each in before if each not in gone and _key(each) not in gone]
    for tag in tags:
        place = next(
            (at for at, each in enumerate(kept) if each == tag or ("=" in tag and _key(each) == _key(tag))), -1
        )
        if place < 0:
            kept.append(tag)
        else:
            kept[place] = tag
    return kept


def _key(tag: str) -> str:
    key, equals, _ = tag.partition("=")
    return f"{key}=" if equals else tag
