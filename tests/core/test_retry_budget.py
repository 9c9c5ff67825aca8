from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlb.core.retry import RetryBudget, RetryRules

RULES = RetryRules(budget_percent=20.0, budget_minimum=3, budget_window_s=10.0)


def granted(budget: RetryBudget, wanted: int) -> int:
    return sum(budget.withdraw() for _ in range(wanted))


def test_a_quiet_router_may_retry_a_few_times() -> None:
    assert granted(RetryBudget(RULES), 10) == 3


def test_a_share_of_the_requests_of_the_window_may_be_tried_again() -> None:
    budget = RetryBudget(RULES)
    budget.requests += 100
    assert granted(budget, 50) == 20
    budget.elapse(5.0)
    assert granted(budget, 50) == 0
    for half_s in range(11, 41):
        budget.elapse(half_s / 2)
    assert granted(budget, 50) == 3, "requests and retries of the window that is over count no more"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=60))
def test_what_is_granted_is_the_share_of_the_window_and_no_more(seconds: list[tuple[int, int]]) -> None:
    """seconds: requests that arrive and retries that are wanted, in each second."""
    budget = RetryBudget(RULES)
    arrived: list[int] = []
    retried: list[int] = []
    for second, (requests, wanted) in enumerate(seconds):
        budget.elapse(float(second))
        budget.requests += requests
        arrived.append(requests)
        retried.append(granted(budget, wanted))
        allowed = max(RULES.budget_minimum, sum(arrived[-11:]) * RULES.budget_percent / 100)
        if retried[-1]:
            assert sum(retried[-11:]) < allowed + 1
        if retried[-1] < wanted:
            assert sum(retried[-11:]) >= allowed
