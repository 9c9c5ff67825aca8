from __future__ import annotations

from llmlb.sim.shelf import ModelShelf


def test_cold_model_answers_after_its_loading_time_and_then_at_once() -> None:
    shelf = ModelShelf(load_s=5.0, capacity=0)
    assert shelf.take("a", 10.0) == 15.0
    assert shelf.loaded(14.9) == []
    assert shelf.take("a", 20.0) <= 20.0
    assert shelf.loaded(20.0) == ["a"]


def test_second_request_does_not_restart_the_loading() -> None:
    shelf = ModelShelf(load_s=5.0, capacity=0)
    shelf.take("a", 10.0)
    assert shelf.take("a", 12.0) == 15.0


def test_least_recently_used_model_makes_room() -> None:
    shelf = ModelShelf(load_s=1.0, capacity=2)
    for now_s, model in ((0.0, "a"), (10.0, "b"), (20.0, "a"), (30.0, "c")):
        shelf.take(model, now_s)
    assert sorted(shelf.loaded(40.0)) == ["a", "c"]
    assert shelf.take("b", 40.0) == 41.0
