from __future__ import annotations

import random
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from llmlb.sim.text import SentenceGrammar


def test_equal_seeds_tell_the_same_story() -> None:
    first, second = (SentenceGrammar(random.Random(3)) for _ in range(2))
    assert [first.sentence() for _ in range(50)] == [second.sentence() for _ in range(50)]


@given(st.integers(0, 10_000))
def test_joined_tokens_are_plain_sentences(seed: int) -> None:
    text = "".join(islice(SentenceGrammar(random.Random(seed)).tokens(), 200))
    assert text[0].isupper()
    assert "  " not in text
    assert " ." not in text
    for sentence in text.split(". ")[:-1]:
        assert 3 <= len(sentence.split()) <= 20
        assert sentence[0].isupper()
