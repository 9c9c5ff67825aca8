from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlb.sim.prefix_cache import PrefixCache, block_chain, count_tokens

BLOCK_TOKENS = 4
BLOCK_BYTES = 16


@given(st.binary(max_size=100), st.binary(max_size=60), st.binary(max_size=60))
def test_chains_agree_exactly_as_far_as_the_prompts_do(shared: bytes, one: bytes, other: bytes) -> None:
    first, second = (block_chain(shared + rest, BLOCK_TOKENS) for rest in (one, other))
    agreeing = sum(a == b for a, b in zip(first, second, strict=False))
    common = next(
        (index for index, (a, b) in enumerate(zip(shared + one, shared + other, strict=False)) if a != b),
        min(len(shared + one), len(shared + other)),
    )
    assert agreeing == common // BLOCK_BYTES
    assert first[:agreeing] == second[:agreeing]


def test_block_depends_on_all_before_it() -> None:
    tail = b"t" * BLOCK_BYTES
    assert (
        block_chain(b"a" * BLOCK_BYTES + tail, BLOCK_TOKENS)[1]
        != (block_chain(b"b" * BLOCK_BYTES + tail, BLOCK_TOKENS)[1])
    )


def test_incomplete_block_is_not_a_block() -> None:
    assert block_chain(b"x" * (BLOCK_BYTES - 1), BLOCK_TOKENS) == []


def test_known_beginning_is_found_and_a_gap_ends_it() -> None:
    cache = PrefixCache(10)
    cache.store([b"a", b"b"])
    assert cache.match([b"a", b"b", b"c"]) == 2
    assert cache.match([b"x", b"a", b"b"]) == 0


@given(st.integers(0, 6), st.lists(st.lists(st.integers(0, 9), max_size=8)))
def test_cache_never_outgrows_its_capacity(capacity: int, chains: list[list[int]]) -> None:
    cache = PrefixCache(capacity)
    for chain in chains:
        cache.store([bytes([block]) for block in chain])
        assert len(cache) <= capacity


def test_beginning_of_a_prompt_outlives_its_end() -> None:
    cache = PrefixCache(3)
    cache.store([b"a", b"b", b"c"])
    cache.store([b"x"])
    assert cache.match([b"a", b"b", b"c"]) == 2


def test_used_chain_outlives_an_unused_one() -> None:
    cache = PrefixCache(2)
    cache.store([b"a"])
    cache.store([b"b"])
    assert cache.match([b"a"]) == 1
    cache.store([b"c"])
    assert cache.match([b"a"]) == 1
    assert cache.match([b"b"]) == 0


def test_empty_prompt_has_one_token() -> None:
    assert [count_tokens(text) for text in (b"", b"abcd", b"abcde")] == [1, 1, 2]
