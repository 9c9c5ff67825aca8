"""One verb on one node or many."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cli.command_line import Run
from cli.fake_router import Answer, Asked, FakeRouter, node, refusal

from llmlb.client.contexts import Context
from llmlb_cli.context import router_from
from llmlb_cli.exits import ExitCode, Failure
from llmlb_cli.node_actions import APPROVE, DRAIN, carry_out
from llmlb_cli.options import Options

Typed = Callable[..., None]


@pytest.fixture
def fleet(router: FakeRouter) -> FakeRouter:
    router.add(
        node("node-1", active_requests=8),
        node("node-2"),
        node("node-3", draining=True),
        node("new-1", state="pending"),
        node("new-2", state="pending"),
    )
    return router


def test_one_node_is_approved_without_a_question(fleet: FakeRouter, run: Run) -> None:
    ran = run("nodes", "approve", "new-1")
    assert ran == (0, "approved new-1 (Online)  next: llmlb nodes get new-1\n", "")
    assert [asked.path for asked in fleet.asked] == ["/v0/nodes/new-1/approve"]


def test_several_are_approved_only_after_a_yes(fleet: FakeRouter, run: Run, typed: Typed) -> None:
    assert run("nodes", "approve", "--all-pending").code == 2
    typed("n")
    assert run("nodes", "approve", "--all-pending").code == 1
    assert fleet.nodes["new-1"]["state"] == "pending"
    typed("y")
    ran = run("nodes", "approve", "--all-pending")
    assert ran.code == 0
    assert ran.out == "ID     OUTCOME   DETAIL\nnew-1  approved  Online\nnew-2  approved  Online\n"


def test_even_one_node_that_a_filter_found_is_asked_about(fleet: FakeRouter, run: Run, typed: Typed) -> None:
    assert run("nodes", "approve", "--filter", "new-1").code == 2
    typed("y")
    ran = run("nodes", "approve", "--filter", "new-1")
    assert ran.code == 0
    assert fleet.nodes["new-1"]["state"] == "online"
    assert run("nodes", "approve", "--filter", "nobody") == (0, "", "no node matches, nothing to do\n")


def test_a_filter_chooses_whom_to_act_on_and_hides_nothing_of_what_came_of_it(fleet: FakeRouter, run: Run) -> None:
    ran = run("nodes", "drain", "--filter", "active>5 model:llama*", "--yes", "-o", "name")
    assert ran == (0, "node-1\n", "")
    assert "would drain" in run("nodes", "drain", "--filter", "active<5 vram>1", "--dry-run").out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("approve --all-pending", 0),
        ("approve rejected-1", 0),
        ("reject new-1", 0),
        ("drain --filter node", 0),
        ("undrain node-3", 0),
        ("delete node-1", 0),
        ("delete node-1 node-9", 9),
    ],
)
def test_a_dry_run_tells_what_would_be_done_and_only_reads(words: str, code: int, fleet: FakeRouter, run: Run) -> None:
    verb = words.split()[0]
    ran = run("nodes", *words.split(), "--dry-run", "-o", "json")
    document = json.loads(ran.out)
    assert (ran.code, ran.err) == (code, "")
    assert document["meta"]["dry_run"] is True
    assert {item["outcome"] for item in document["items"]} <= {f"would {verb}", "failed"}
    assert {asked.method for asked in fleet.asked} == {"GET"}


@pytest.mark.parametrize("words", ["drain node-9", "delete node-9", "undrain node-9", "reject node-9"])
def test_a_dry_run_on_a_node_that_is_not_there_fails_as_the_act_would(words: str, fleet: FakeRouter, run: Run) -> None:
    rehearsed = run("nodes", *words.split(), "--dry-run")
    acted = run("nodes", *words.split(), *(("--confirm=node-9",) if "delete" in words else ("--yes",)))
    assert rehearsed.code == 6
    assert (rehearsed.out, rehearsed.err) == (acted.out, acted.err)


def test_a_dry_run_tells_people_what_it_means(fleet: FakeRouter, run: Run) -> None:
    ran = run("nodes", "drain", "node-1", "--dry-run")
    assert "8 requests in flight will finish; 1 other node takes new work" in ran.err
    assert "node-1  would drain  Online" in ran.out


def test_nothing_pending_is_no_failure(router: FakeRouter, run: Run) -> None:
    assert run("nodes", "approve", "--all-pending", "--yes") == (0, "", "no node is pending, nothing to do\n")


def test_some_of_several_failed_and_each_is_told(fleet: FakeRouter, run: Run) -> None:
    ran = run("nodes", "approve", "new-1", "nobody", "new-2", "--yes", "-o", "json")
    document = json.loads(ran.out)
    assert ran.code == 9
    assert document["meta"] == {"succeeded": 2, "failed": 1, "count": 3}
    assert [(item["id"], item["outcome"], item["error"]) for item in document["items"]] == [
        ("new-1", "approved", None),
        ("nobody", "failed", "node_not_found"),
        ("new-2", "approved", None),
    ]


def test_names_are_only_those_that_succeeded(fleet: FakeRouter, run: Run) -> None:
    assert run("nodes", "approve", "new-1", "nobody", "--yes", "-o", "name").out == "new-1\n"


def test_before_a_drain_its_impact_is_told(fleet: FakeRouter, run: Run, typed: Typed) -> None:
    typed("y")
    ran = run("nodes", "drain", "node-1")
    assert ran.code == 0
    assert "node-1 (online)" in ran.err
    assert "8 requests in flight will finish; 1 other node takes new work" in ran.err
    assert fleet.nodes["node-1"]["draining"] is True


def test_a_node_that_changed_during_the_question_is_left_alone(fleet: FakeRouter, run: Run, typed: Typed) -> None:
    typed("y")

    def listed_then_changed(asked: Asked) -> Answer:
        answer = Answer(200, json.loads(json.dumps({"nodes": list(fleet.nodes.values())})))
        fleet.nodes["node-1"]["revision"] = 6
        return answer

    fleet.answers["GET", "/v0/nodes"] = listed_then_changed
    ran = run("nodes", "drain", "node-1")
    assert ran.code == 7
    assert fleet.nodes["node-1"]["draining"] is False


def test_without_a_question_the_act_is_unconditional(fleet: FakeRouter, run: Run) -> None:
    assert run("nodes", "drain", "node-1", "--yes").code == 0
    (asked,) = fleet.asked
    assert "if-match" not in asked.headers


@pytest.mark.parametrize("verb", ["drain", "reject"])
def test_in_a_script_a_reversible_harm_needs_yes(verb: str, fleet: FakeRouter, run: Run) -> None:
    ran = run("nodes", verb, "node-1")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert fleet.asked == []


def test_deleting_needs_the_id_and_yes_is_not_enough(fleet: FakeRouter, run: Run, typed: Typed) -> None:
    ran = run("nodes", "delete", "node-1", "--yes")
    assert ran.code == 2
    assert "--confirm=node-1" in ran.err
    assert run("nodes", "delete", "node-1", "--confirm=node-2").code == 2
    assert "node-1" in fleet.nodes
    typed("node-1")
    assert run("nodes", "delete", "node-1").out == "deleted node-1  next: llmlb nodes list\n"
    assert "node-1" not in fleet.nodes


def test_deleting_several_needs_their_number(fleet: FakeRouter, run: Run) -> None:
    assert run("nodes", "delete", "node-1", "node-2", "--confirm=node-1").code == 2
    assert run("nodes", "delete", "node-1", "node-2", "--confirm=2").code == 0
    assert not {"node-1", "node-2"} & set(fleet.nodes)


def test_a_router_that_dies_in_the_middle_is_not_asked_for_every_other_node(fleet: FakeRouter, run: Run) -> None:
    fleet.answers["POST", "/v0/nodes/node-2/undrain"] = refusal(403, "forbidden", "no longer an admin")
    ran = run("nodes", "undrain", "node-1", "node-2", "node-3", "--yes", "-o", "jsonl")
    assert ran.code == 9
    assert [json.loads(line)["error"] for line in ran.out.splitlines()] == [None, "forbidden", "not_tried"]
    assert [asked.path for asked in fleet.asked] == ["/v0/nodes/node-1/undrain", "/v0/nodes/node-2/undrain"]


def test_what_stops_the_first_of_several_stops_all_with_its_own_code(router: FakeRouter, run: Run) -> None:
    ran = run("nodes", "undrain", "a", "b", "--yes", "--url", "http://127.0.0.1:1")
    assert (ran.code, ran.out) == (3, "")


def test_an_id_cannot_leave_its_place_in_the_path(fleet: FakeRouter, run: Run) -> None:
    run("nodes", "approve", "../settings/load-balancer?x=#")
    assert fleet.asked[0].path == "/v0/nodes/..%2Fsettings%2Fload-balancer%3Fx%3D%23/approve"


def test_quiet_says_nothing_when_all_went_well(fleet: FakeRouter, run: Run) -> None:
    assert run("nodes", "approve", "new-1", "-q") == (0, "", "")


def test_a_context_may_demand_its_name_before_anything_dangerous(fleet: FakeRouter) -> None:
    router = router_from(Options(yes=True))
    guarded = router._replace(context=Context("prod", fleet.url, confirm="type-name"))
    assert carry_out(APPROVE, ["new-1"], guarded, is_single=True) is ExitCode.OK
    with pytest.raises(Failure, match="asks for its name"):
        carry_out(DRAIN, ["node-1"], guarded, is_single=True)
    named = guarded._replace(options=Options(yes=True, context="prod"))
    assert carry_out(DRAIN, ["node-1"], named, is_single=True) is ExitCode.OK
