from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlb.sim.answers import AnswerBook, Finish

BOOK = AnswerBook(seed=0, answer_tokens=20)


@given(st.binary(max_size=50))
def test_natural_answer_is_made_of_whole_sentences(prompt: bytes) -> None:
    answer = BOOK.plan(prompt, max_tokens=None, ignores_end=False)
    text = "".join(BOOK.tokens(answer, 0, answer.length))
    assert answer.finish is Finish.STOP
    assert text[0].isupper()
    assert text.endswith(".")
    assert 10 <= answer.length <= 60


@given(st.binary(max_size=50), st.integers(1, 200))
def test_answer_never_exceeds_its_limit(prompt: bytes, limit: int) -> None:
    answer = BOOK.plan(prompt, max_tokens=limit, ignores_end=False)
    assert answer.length <= limit
    assert (answer.finish is Finish.LENGTH) == (answer.length == limit and not _ends_there(prompt, limit))


def _ends_there(prompt: bytes, limit: int) -> bool:
    return BOOK.plan(prompt, max_tokens=None, ignores_end=False).length <= limit


@given(st.binary(max_size=50), st.integers(1, 30_000))
def test_answer_without_an_end_has_exactly_the_tokens_asked_for(prompt: bytes, limit: int) -> None:
    answer = BOOK.plan(prompt, max_tokens=limit, ignores_end=True)
    assert (answer.length, answer.finish) == (limit, Finish.LENGTH)
    assert len(BOOK.tokens(answer, limit - 1, limit)) == 1


@given(st.binary(max_size=20), st.lists(st.integers(1, 9), max_size=6))
def test_answer_read_in_pieces_is_the_answer_read_at_once(prompt: bytes, steps: list[int]) -> None:
    answer = BOOK.plan(prompt, max_tokens=60, ignores_end=True)
    pieces: list[str] = []
    for step in [*steps, 60]:
        pieces += BOOK.tokens(answer, len(pieces), min(60, len(pieces) + step))
    assert pieces == BOOK.tokens(answer, 0, 60)


def test_same_prompt_gets_the_same_answer_from_another_engine_with_the_same_seed() -> None:
    other = AnswerBook(seed=0, answer_tokens=20)
    plans = [book.plan(b"hello", max_tokens=None, ignores_end=False) for book in (BOOK, other)]
    assert plans[0] == plans[1]
    assert BOOK.tokens(plans[0], 0, 5) == other.tokens(plans[1], 0, 5)
