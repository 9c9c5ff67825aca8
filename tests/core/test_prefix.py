"""Chain hashes: what two prompts share, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.choice import Prompt
from llmlb.core.prefix import BLOCK_BYTES, MAX_BLOCKS, chain

texts = st.text(max_size=20).map(lambda text: text * 200)


def test_the_same_text_has_the_same_hashes_in_every_process() -> None:
    prompt = chain(["a" * BLOCK_BYTES, "b" * BLOCK_BYTES])
    assert [f"{block:016x}" for block in prompt.blocks] == ["f2a9ed1d9f66674e", "a7f3916630afa970"]


@given(st.lists(st.text(max_size=3000), max_size=6))
def test_where_the_pieces_are_cut_makes_no_difference(pieces: list[str]) -> None:
    assert chain(pieces) == chain(["".join(pieces)])


@given(texts, texts, texts)
def test_two_prompts_share_as_many_hashes_as_they_share_blocks(common: str, left: str, right: str) -> None:
    first, second = (common + left).encode(), (common + right).encode()
    shared = 0
    while (end := (shared + 1) * BLOCK_BYTES) <= min(len(first), len(second)) and first[:end] == second[:end]:
        shared += 1
    hashes = [chain([common, left]).blocks, chain([common, right]).blocks]
    alike = [a == b for a, b in zip(*hashes, strict=False)]
    assert alike == [True] * shared + [False] * (len(alike) - shared)


def test_a_block_in_the_middle_does_not_count_without_those_before_it() -> None:
    block = "x" * BLOCK_BYTES
    assert chain(["a" * BLOCK_BYTES, block]).blocks[1] != chain(["b" * BLOCK_BYTES, block]).blocks[1]


def test_a_tail_that_fills_no_block_is_counted_but_not_hashed() -> None:
    assert chain(["あ" * 682]) == Prompt((), 2046)
    assert chain(["あ" * 700]).blocks == chain(["あ" * 683]).blocks


def test_an_endless_prompt_is_counted_whole_and_hashed_in_part() -> None:
    prompt = chain("y" * BLOCK_BYTES for _ in range(MAX_BLOCKS + 50))
    assert len(prompt.blocks) == MAX_BLOCKS
    assert prompt.text_bytes == (MAX_BLOCKS + 50) * BLOCK_BYTES


def test_half_of_a_surrogate_pair_is_text_like_any_other() -> None:
    assert chain(["\ud800"]).text_bytes == 3
