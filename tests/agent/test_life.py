"""The agent's life against a fake router and a fake engine, on a virtual clock."""

from __future__ import annotations

import json
import logging
from itertools import pairwise
from pathlib import Path

import pytest
from agent.fake_world import ENGINE_URL, FixedGauges, World, error_body

from llmlb.agent.gpus import GpuReport
from llmlb.errors import ConfigurationError


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("llmlb.agent.life.socket.gethostname", lambda: "gpu-box")
    return World(tmp_path / "state")


def gaps_s(world: World) -> list[float]:
    times = [message.at_s for message in world.router.heartbeats]
    return [later - earlier for earlier, later in pairwise(times)]


def test_a_new_node_registers_once_with_everything_the_router_asks_for(world: World) -> None:
    assert world.run(1) == 0
    (registration,) = world.router.registrations
    assert registration.body == {
        "url": ENGINE_URL,
        "node_id": "gpu-box",
        "machine_name": "gpu-box",
        "engine": "ollama",
        "gpus": [{"model": "NVIDIA GeForce RTX 4090", "vram_total_mb": 24_564}],
        "capability_score": registration.body["capability_score"],
        "loaded_models": ["llama3.2:1b"],
        "available_models": ["llama3.2:1b", "qwen3:8b"],
        "heartbeat_secs": 30,
        "agent_version": registration.body["agent_version"],
    }
    assert 0 < int(str(registration.body["capability_score"])) <= 10_000
    assert "x-join-token" not in registration.headers


def test_the_first_heartbeat_follows_the_registration_at_once(world: World) -> None:
    world.run(1)
    first = world.router.heartbeats[0]
    assert first.at_s == world.router.registrations[0].at_s
    assert first.headers["x-node-token"] == "nt_1"


def test_a_heartbeat_carries_the_figures_and_a_null_for_a_machine_without_a_gpu(world: World) -> None:
    world.run(1)
    body = world.router.heartbeats[0].body
    assert body["gpu_metrics"] is None
    assert body["system_metrics"] == {"cpu_usage": 30.0, "memory_usage": 50.0}
    assert (body["seq"], body["leaving"], body["heartbeat_secs"]) == (1, False, 30)
    assert "active_requests" not in body, "Ollama does not tell, and nothing is invented"


def test_gpu_figures_that_the_driver_withholds_are_left_out_not_zero(world: World) -> None:
    world.gauges = FixedGauges(GpuReport(None, 78.2, None, 62_000, 81_559))
    world.run(1)
    assert world.router.heartbeats[0].body["gpu_metrics"] == {
        "vram_usage": 78.2,
        "vram_used_mb": 62_000,
        "vram_total_mb": 81_559,
    }


def test_heartbeats_keep_the_interval_within_a_tenth(world: World) -> None:
    world.run(600)
    intervals = gaps_s(world)[:-1]
    assert len(intervals) >= 17
    assert all(27 <= interval <= 33.01 for interval in intervals)
    assert len({round(interval, 3) for interval in intervals}) > 5, "without jitter a fleet beats in step"


def test_the_router_may_set_another_interval(world: World) -> None:
    world.router.heartbeat_secs = 10
    world.run(100)
    assert all(9 <= gap <= 11.01 for gap in gaps_s(world)[:-1])


@pytest.mark.parametrize("nonsense", [0, -5, 1e9, "soon", True, None])
def test_a_nonsensical_interval_from_the_router_is_ignored(world: World, nonsense: object) -> None:
    reply = {"status": "ok", "server_time": 1, "state": "online", "heartbeat_secs": nonsense}
    world.router.answers["/v0/health"] = [(200, reply)] * 50
    world.run(200)
    assert all(27 <= gap <= 33.01 for gap in gaps_s(world)[:-1])


def test_sequence_numbers_rise_and_the_boot_id_stays_within_a_process(world: World) -> None:
    world.run(200)
    bodies = [message.body for message in world.router.heartbeats]
    assert [body["seq"] for body in bodies] == list(range(1, len(bodies) + 1))
    assert len({str(body["boot_id"]) for body in bodies}) == 1


def test_a_restart_keeps_node_and_token_and_takes_a_new_boot_id(world: World) -> None:
    world.run(1)
    world.run(1)
    first, second = world.router.registrations
    assert (second.body["node_id"], second.headers["x-node-token"]) == ("gpu-box", "nt_1")
    assert "x-node-token" not in first.headers
    boots = {str(message.body["boot_id"]) for message in world.router.heartbeats}
    assert len(boots) == 2


def test_the_state_file_is_for_its_owner_alone(world: World) -> None:
    world.run(1)
    (file,) = world.state_dir.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert world.state_dir.stat().st_mode & 0o777 == 0o700
    assert json.loads(file.read_text())["node_token"] == "nt_1"


def test_a_state_file_that_others_can_read_stops_the_agent_with_the_command_that_mends_it(world: World) -> None:
    world.run(1)
    (file,) = world.state_dir.iterdir()
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        world.run(1)


def test_stopping_says_goodbye_and_exits_zero(world: World) -> None:
    assert world.run(100) == 0
    last = world.router.heartbeats[-1]
    assert last.body["leaving"] is True
    assert last.at_s == 100
    assert [message.body.get("leaving") for message in world.router.heartbeats[:-1]] == [False] * (
        len(world.router.heartbeats) - 1
    )


def test_stopping_while_the_router_is_away_does_not_take_longer_than_three_seconds(world: World) -> None:
    assert world.run(100, events={50: lambda: setattr(world.router, "is_up", False)}) == 0
    assert world.ends_at_s <= 103


def test_an_agent_that_never_registered_says_no_goodbye(world: World) -> None:
    world.engine.is_up = False
    assert world.run(100) == 0
    assert world.router.messages == []


def test_models_that_change_are_told_within_seconds_not_at_the_next_beat(world: World) -> None:
    world.run(25, events={12: lambda: world.engine.load("llama3.2:1b", "qwen3:8b")})
    told = next(m for m in world.router.heartbeats if m.body.get("loaded_models") == ["llama3.2:1b", "qwen3:8b"])
    assert 12 <= told.at_s <= 17


def test_a_changed_order_of_the_same_models_is_no_news(world: World) -> None:
    world.engine.load("a", "b")
    world.run(25, events={7: lambda: world.engine.load("b", "a")})
    assert len(world.router.heartbeats) == 2, "the first and the goodbye"


def test_a_router_that_forgot_the_node_gets_a_new_registration_without_the_dead_token(world: World) -> None:
    world.run(100, events={40: world.router.tokens.clear})
    first, second = world.router.registrations
    assert second.body["node_id"] == first.body["node_id"] == "gpu-box"
    assert "x-node-token" not in second.headers
    assert world.router.heartbeats[-1].headers["x-node-token"] == "nt_2"


def test_a_router_that_forgets_again_and_again_is_not_flooded(world: World) -> None:
    world.router.is_forgetful = True
    world.run(600)
    assert 20 < len(world.router.registrations) < 100


def test_a_rejected_node_asks_again_every_ten_minutes(world: World) -> None:
    rejected = (403, error_body("node_rejected"))
    world.router.answers["/v0/health"] = [rejected] * 100
    world.run(3_000)
    assert gaps_s(world)[:4] == pytest.approx([600] * 4, abs=6)


def test_a_rejected_registration_asks_again_every_ten_minutes(world: World) -> None:
    world.router.answers["/v0/nodes"] = [(403, error_body("node_rejected"))] * 3
    world.run(2_000)
    times = [message.at_s for message in world.router.registrations]
    assert times == pytest.approx([0, 600, 1_200, 1_800], abs=6)


def test_a_wrong_token_backs_off_and_is_explained_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.router.answers["/v0/health"] = [(401, error_body("invalid_token"))] * 1_000
    with caplog.at_level(logging.WARNING):
        world.run(900)
    assert 20 < len(world.router.heartbeats) < 120
    (warning,) = caplog.records
    assert "llmlb nodes rotate-token gpu-box" in str(warning.__dict__["advice"])
    assert "nt_" not in caplog.text


def test_another_instance_with_this_id_is_reported_and_the_beat_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.router.answers["/v0/health"] = [(409, error_body("duplicate_instance"))] * 3
    with caplog.at_level(logging.WARNING):
        world.run(200)
    assert all(gap >= 27 for gap in gaps_s(world)[:-1])
    assert "a second agent runs with this node id" in str(caplog.records[0].__dict__["advice"])


def test_a_heartbeat_that_came_too_soon_is_made_good_within_two_seconds(world: World) -> None:
    world.router.answers["/v0/health"] = [(429, error_body("too_many_heartbeats"))]
    world.run(20)
    refused, accepted = world.router.heartbeats[:2]
    assert 1 <= accepted.at_s - refused.at_s <= 2


def test_a_refused_field_is_logged_in_the_routers_words(world: World, caplog: pytest.LogCaptureFixture) -> None:
    refused = error_body("invalid_field", "system_metrics.cpu_usage: 130 is above 100")
    world.router.answers["/v0/health"] = [(422, refused)]
    with caplog.at_level(logging.INFO):
        world.run(100)
    warning = next(record for record in caplog.records if record.levelno == logging.WARNING)
    assert "cpu_usage" in str(warning.__dict__["cause"])
    assert "heartbeats are accepted again" in caplog.messages


def test_a_dead_router_is_tried_for_ever_and_found_again(world: World) -> None:
    events = {
        50.0: lambda: setattr(world.router, "is_up", False),
        3_650.0: lambda: setattr(world.router, "is_up", True),
    }
    world.run(3_800, events=events)
    tries = [m.at_s for m in world.router.heartbeats if 50 < m.at_s < 3_650]
    assert len(tries) > 200, "half of 30 s on average"
    assert all(later - earlier <= 31 for earlier, later in pairwise(tries))
    back = [m.at_s for m in world.router.heartbeats if m.at_s > 3_650]
    assert back[0] - 3_650 <= 31
    assert len(world.router.registrations) == 1, "a router that was away still knows the node"


def test_a_router_that_starts_later_than_the_agent_is_waited_for(world: World) -> None:
    world.router.is_up = False
    world.run(300, events={100: lambda: setattr(world.router, "is_up", True)})
    accepted = world.router.heartbeats[0]
    assert 100 <= accepted.at_s <= 131


def test_a_taken_host_name_gets_the_engines_port(world: World) -> None:
    world.router.tokens["gpu-box"] = "nt_of_another"
    world.run(1)
    assert [message.body["node_id"] for message in world.router.registrations] == ["gpu-box", "gpu-box-11434"]
    assert world.router.heartbeats[0].body["node_id"] == "gpu-box-11434"


def test_a_chosen_id_that_is_taken_is_reported_and_never_replaced(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.router.tokens["mine"] = "nt_of_another"
    with caplog.at_level(logging.WARNING):
        world.run(100, node_id="mine")
    assert {message.body["node_id"] for message in world.router.registrations} == {"mine"}
    assert len(world.router.registrations) > 3
    assert "llmlb nodes delete mine" in str(caplog.records[0].__dict__["advice"])


def test_a_token_without_an_id_means_that_tokens_node(world: World) -> None:
    world.router.tokens["node-7"] = "nt_given"
    world.run(1, node_token="nt_given")
    (registration,) = world.router.registrations
    assert "node_id" not in registration.body
    assert registration.headers["x-node-token"] == "nt_given"
    assert world.router.heartbeats[0].body["node_id"] == "node-7"


def test_a_token_from_the_environment_is_not_written_to_disk(world: World) -> None:
    world.router.tokens["node-7"] = "nt_given"
    world.run(1, node_token="nt_given")
    assert not world.state_dir.exists()


def test_a_given_token_wins_over_the_state_file(world: World) -> None:
    world.run(1)
    world.router.tokens["gpu-box"] = "nt_rotated"
    world.run(1, node_id="gpu-box", node_token="nt_rotated")
    assert world.router.registrations[-1].headers["x-node-token"] == "nt_rotated"
    assert world.router.heartbeats[-1].headers["x-node-token"] == "nt_rotated"


def test_another_node_id_does_not_inherit_the_token_of_the_last_one(world: World) -> None:
    world.run(1, node_id="first")
    world.run(1, node_id="second")
    assert "x-node-token" not in world.router.registrations[-1].headers


def test_a_join_token_travels_with_the_registration_only(world: World) -> None:
    world.run(1, join_token="jt_secret")
    assert world.router.registrations[0].headers["x-join-token"] == "jt_secret"
    assert all("x-join-token" not in message.headers for message in world.router.heartbeats)


def test_a_dead_engine_silences_the_heartbeats_and_its_return_brings_them_back_at_once(world: World) -> None:
    events = {
        100.0: lambda: setattr(world.engine, "is_up", False),
        300.0: lambda: setattr(world.engine, "is_up", True),
    }
    world.run(400, events=events)
    beats = [message.at_s for message in world.router.heartbeats]
    assert not [at_s for at_s in beats if 106 < at_s < 300]
    assert [at_s for at_s in beats if 300 <= at_s <= 306]


def test_an_engine_that_is_slow_for_a_moment_keeps_its_heartbeats(world: World) -> None:
    events = {
        100.0: lambda: setattr(world.engine, "silence_s", 60.0),
        108.0: lambda: setattr(world.engine, "silence_s", 0.0),
    }
    world.run(200, events=events)
    assert max(gaps_s(world)[:-1]) <= 45


def test_an_engine_that_hangs_for_long_silences_the_heartbeats(world: World) -> None:
    world.run(400, events={100: lambda: setattr(world.engine, "silence_s", 1_000.0)})
    assert not [m for m in world.router.heartbeats[:-1] if m.at_s > 125]


def test_another_engine_at_the_same_address_is_noticed(world: World) -> None:
    def swap() -> None:
        world.engine.pages = {
            "/version": {"version": "0.11.0"},
            "/v1/models": {"data": [{"id": "m", "owned_by": "vllm"}]},
            "/metrics": 'vllm:num_requests_running{engine="0"} 3\nvllm:num_requests_waiting 2\n',
        }

    events = {
        50.0: lambda: setattr(world.engine, "is_up", False),
        70.0: swap,
        80.0: lambda: setattr(world.engine, "is_up", True),
    }
    world.run(100, events=events)
    body = world.router.heartbeats[-2].body
    assert (body["loaded_models"], body["active_requests"], body["queue_depth"]) == (["m"], 5, 2)


def test_slots_become_the_concurrency_limit_only_when_asked(world: World) -> None:
    world.engine.pages = {
        "/health": {"status": "ok"},
        "/props": {"total_slots": 4},
        "/v1/models": {"data": [{"id": "m", "owned_by": "llamacpp"}]},
    }
    world.run(1)
    world.run(1, use_engine_slots=True)
    first, second = world.router.registrations
    assert "max_concurrency" not in first.body
    assert second.body["max_concurrency"] == 4
    assert world.router.heartbeats[-2].body["max_concurrency"] == 4


def test_a_score_set_by_hand_is_reported(world: World) -> None:
    world.run(1, capability_score=77)
    assert world.router.registrations[0].body["capability_score"] == 77
    assert world.router.heartbeats[0].body["capability_score"] == 77


def test_waiting_for_approval_names_the_command_and_each_change_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    events = {
        100.0: lambda: setattr(world.router, "state", "online"),
        200.0: lambda: setattr(world.router, "draining", True),
    }
    with caplog.at_level(logging.INFO, logger="llmlb.agent"):
        world.run(400, events=events)
    told = [record.message for record in caplog.records]
    assert told.count("waiting for approval") == 1
    assert told.count("online: the router sends requests here") == 1
    assert told.count("draining: the router sends nothing new") == 1
    waiting = next(record for record in caplog.records if record.message == "waiting for approval")
    assert waiting.__dict__["approve_with"] == "llmlb nodes approve gpu-box"


def test_a_stranger_behind_the_router_url_is_not_taken_for_a_router(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    strange: list[object] = [[], {}, {"node_id": 7}, {"node_id": "../etc"}, "hello", None]
    world.router.answers["/v0/nodes"] = [(200, answer) for answer in strange]
    with caplog.at_level(logging.WARNING):
        world.run(100)
    assert len(world.router.registrations) == len(strange) + 1
    assert "llmlb router?" in str(caplog.records[0].__dict__["cause"])


def test_a_damaged_state_file_stops_the_agent_and_names_the_file(world: World) -> None:
    world.run(1)
    (file,) = world.state_dir.iterdir()
    file.write_text("{")
    with pytest.raises(ConfigurationError, match=r"agent-[0-9a-f]+\.json is not an agent's state"):
        world.run(1)


def test_a_state_directory_that_cannot_be_written_stops_before_a_token_is_issued(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmlb.agent.state.os.access", lambda *_: False)
    with pytest.raises(ConfigurationError, match="LLMLB_STATE_DIR"):
        world.run(1)
    assert world.router.registrations == []
