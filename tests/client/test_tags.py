"""Tags of a node as operators change them."""

from __future__ import annotations

from llmlb.client.tags import retagged


def test_of_one_key_there_is_one_value() -> None:
    assert retagged(["a=1", "b", "c=2"], ["a=9", "b", "d"], []) == ["a=9", "b", "c=2", "d"]


def test_a_tag_is_taken_by_its_key_or_as_it_stands() -> None:
    assert retagged(["a=1", "ab=1", "a"], [], ["a="]) == ["ab=1", "a"]
    assert retagged(["a=1", "ab=1", "a"], [], ["a"]) == ["ab=1"]
    assert retagged(["a=1", "a=2"], ["b=1"], ["a=2"]) == ["a=1", "b=1"]
