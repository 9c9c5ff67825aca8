"""Nodes, rejected ids and counters."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlb.store import Store
from llmlb.store.rows import AuditRow, NodeCounters, NodeRow

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NODES = st.builds(
    NodeRow,
    id=st.sampled_from(["node-1", "node-2", "a.b_c"]),
    url=TEXTS,
    address=TEXTS,
    token_hash=TEXTS,
    approval=st.sampled_from(["pending", "approved"]),
    state=st.sampled_from(["pending", "online", "offline"]),
    draining=st.booleans(),
    machine_name=TEXTS,
    name=TEXTS,
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    note=TEXTS,
    score=st.none() | st.integers(0, 2**62),
    reported_score=st.none() | st.integers(0, 10_000),
    max_concurrency=st.none() | st.integers(1, 10_000),
    api_key=TEXTS,
    heartbeat_secs=st.floats(1.0, 60.0),
    agentless=st.booleans(),
    loaded_models=st.lists(TEXTS, max_size=3).map(tuple),
    approved_at=st.none() | st.floats(0, 4e9),
    revision=st.integers(1, 10**6),
)


def _audit(action: str) -> AuditRow:
    return AuditRow(at=1.0, actor="user:admin", action=action, target="node-1")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=NODES)
def test_a_node_comes_back_exactly_as_it_was_saved(store: Store, row: NodeRow) -> None:
    async def scenario() -> None:
        await store.save_node(row)
        assert row in await store.load_nodes()

    asyncio.run(scenario())


def test_nodes_are_listed_in_the_order_of_their_registration(store: Store) -> None:
    async def scenario() -> list[str]:
        for at, node_id in ((3.0, "c"), (1.0, "z"), (2.0, "a")):
            await store.save_node(NodeRow(id=node_id, url="http://n", registered_at=at))
        return [row.id for row in await store.load_nodes()]

    assert asyncio.run(scenario()) == ["z", "a", "c"]


def test_a_deleted_node_takes_its_totals_with_it_written_or_waiting(store: Store) -> None:
    async def scenario() -> None:
        await store.save_node(NodeRow(id="node-1", url="http://n"))
        store.enqueue_counters([NodeCounters(id="node-1", total_requests=5), NodeCounters(id="node-2")])
        await store.flush()
        store.enqueue_counters([NodeCounters(id="node-1", total_requests=6)])
        await store.delete_node("node-1", audit=_audit("delete"))
        await store.flush()
        assert await store.load_nodes() == ()
        assert [row.id for row in await store.load_counters()] == ["node-2"]
        assert [row.action for row in await store.list_audit()] == ["delete"]

    asyncio.run(scenario())


def test_a_rejected_node_is_gone_and_its_id_remembered_until_it_is_lifted(store: Store) -> None:
    async def scenario() -> None:
        await store.save_node(NodeRow(id="node-1", url="http://n"))
        await store.reject_node("node-1", 100.0)
        await store.reject_node("node-1", 200.0, audit=_audit("reject"))
        assert await store.load_nodes() == ()
        assert await store.load_rejections() == {"node-1": 200.0}
        await store.lift_rejection("node-1", audit=_audit("approve"))
        assert await store.load_rejections() == {}
        assert [row.action for row in await store.list_audit()] == ["approve", "reject"]

    asyncio.run(scenario())


def test_totals_are_replaced_and_not_added(store: Store) -> None:
    row = NodeCounters(
        id="a", total_requests=7, failed_requests=1, heartbeats=3, timeouts=2, response_ms_sum=1.5, response_count=6,
        ttft_ms_sum=2.5, ttft_count=4, last_seen_unix=1.7e9, figures_json='{"gpu_usage": 45.5}',
    )  # fmt: skip

    async def scenario() -> tuple[NodeCounters, ...]:
        for _ in range(3):
            store.enqueue_counters([row])
            await store.flush()
        return await store.load_counters()

    assert asyncio.run(scenario()) == (row,)
