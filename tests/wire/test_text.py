from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlb.wire.text import clean_names, clean_text, is_node_id

HOSTILE = "a\x1b]52;c;cGF3bg==\x07\u202eb\u2066c\x9bd\x00\n\u2028\ufeff\ud800e"


def test_what_acts_on_a_terminal_is_taken_out_and_the_rest_stays() -> None:
    assert clean_text(HOSTILE) == "a]52;c;cGF3bg==bcde"


def test_ordinary_text_of_any_script_is_left_as_it_is() -> None:
    for text in ("rack 3, left", "機械一号", "שלום", "👩\u200d💻 box", "llama-3.2:1b-instruct_Q4"):
        assert clean_text(text) == text


@given(st.text())
def test_no_control_or_bidi_character_ever_survives(text: str) -> None:
    cleaned = clean_text(text)
    assert all(unicodedata.category(character) not in ("Cc", "Cs") for character in cleaned)
    assert all(unicodedata.bidirectional(c) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI") for c in cleaned)
    assert clean_text(cleaned) == cleaned


def test_names_keep_their_order_and_lose_repeats_and_blanks() -> None:
    assert clean_names(["b", "a\x1b", "b", " ", "\u202e", "a"]) == ("b", "a")


@pytest.mark.parametrize("good", ["node-1", "A", "0.gpu_box-1", "a" * 63])
def test_a_plain_name_may_be_a_node_id(good: str) -> None:
    assert is_node_id(good)


@pytest.mark.parametrize("bad", ["", "-a", ".a", "a" * 64, "a b", "a/b", "a\n", "ä", "a\x1b", "[/red]", "a;b"])
def test_what_could_harm_a_path_a_label_or_a_terminal_is_no_node_id(bad: str) -> None:
    assert not is_node_id(bad)
