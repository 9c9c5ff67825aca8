from __future__ import annotations

from llmlb.loadtest.prompts import (
    BLOCK_TOKENS,
    BlockPrompts,
    GivenPrompts,
    Message,
    Prompt,
    ShortChats,
    SizedPrompts,
    follow_up,
    with_nonce,
)


def test_thirty_short_chats_are_thirty_different_ones_and_the_same_every_time() -> None:
    texts = [ShortChats().prompt(i, seed=1).messages[0].content for i in range(30)]
    assert len(set(texts)) == 30
    assert texts == [ShortChats().prompt(i, seed=1).messages[0].content for i in range(30)]
    assert texts != [ShortChats().prompt(i, seed=2).messages[0].content for i in range(30)]


def test_given_prompts_take_turns() -> None:
    prompts = tuple(Prompt((Message("user", text),)) for text in "ab")
    assert [GivenPrompts(prompts).prompt(i, seed=1).messages[0].content for i in range(3)] == ["a", "b", "a"]


def test_sized_prompts_have_the_length_and_share_the_prefix_they_were_asked_for() -> None:
    plan = SizedPrompts(input_tokens=1000, shared_prefix=0.6, output_tokens=7)
    first, second = plan.prompt(0, seed=1), plan.prompt(1, seed=1)
    assert first.messages[0] == second.messages[0]
    assert first.messages[1] != second.messages[1]
    assert len(first.messages[0].content.split()) == 600
    assert sum(len(message.content.split()) for message in first.messages) == 1001  # one more names the request
    assert first.max_tokens == 7


def test_a_spread_of_lengths_has_the_mean_that_was_asked_for() -> None:
    lengths = [SizedPrompts(200, 40).prompt(i, seed=1).input_tokens for i in range(400)]
    assert 190 < sum(lengths) / len(lengths) < 210
    assert len(set(lengths)) > 50


def test_equal_block_ids_give_equal_text_so_that_prefix_caches_hit() -> None:
    plan = BlockPrompts(((1200, 9, (0, 1, 2)), (1100, 9, (0, 1, 5))))
    first, second = (plan.prompt(i, seed=1).messages[0].content.split() for i in range(2))
    assert first[: 2 * BLOCK_TOKENS] == second[: 2 * BLOCK_TOKENS]
    assert first[2 * BLOCK_TOKENS :] != second[2 * BLOCK_TOKENS :]
    assert (len(first), len(second)) == (1200, 1100)


def test_a_trace_without_blocks_gives_texts_of_their_own() -> None:
    plan = BlockPrompts(((50, 3, ()), (50, 3, ())))
    assert plan.prompt(0, seed=1) != plan.prompt(1, seed=1)
    assert len(plan.prompt(0, seed=1).messages[0].content.split()) == 50


def test_a_follow_up_carries_the_answer_and_the_system_message_once() -> None:
    question = Prompt((Message("system", "s"), Message("user", "q2")), max_tokens=5)
    turn = follow_up(Prompt((Message("system", "s"), Message("user", "q1"))), "a1", question)
    assert [(m.role, m.content) for m in turn.messages] == [
        ("system", "s"),
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
    ]
    assert turn.max_tokens == 5


def test_a_nonce_stands_at_the_very_beginning() -> None:
    prompt = with_nonce(Prompt((Message("system", "s"), Message("user", "u"))), "n1")
    assert prompt.messages[0].content == "[n1] s"
