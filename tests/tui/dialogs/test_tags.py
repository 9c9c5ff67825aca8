from __future__ import annotations

from tui.driving import Console, drive
from tui.fake_router import FakeRouter

from llmlb_tui.dialogs.tags import TagDialog, TagEdit, read_tags


def fleet(**tags: list[str]) -> FakeRouter:
    router = FakeRouter(0)
    for node_id, each in (tags or {"gpu-1": ["rack=3", "spare"]}).items():
        router.add_node(node_id, tags=each)
    return router


def test_words_add_and_a_minus_takes_away() -> None:
    assert read_tags("  rack=4  -spare - a ") == TagEdit(("rack=4", "a"), ("spare",))


def test_one_node_gets_the_tags_that_were_typed_and_the_command_is_named() -> None:
    router = fleet()

    async def script(console: Console) -> None:
        await console.press("t", *"rack=4", "space", *"-spare", "space", *"any")
        text = console.text()
        assert "rack=3 spare > rack=4 any" in text
        assert "llmlb nodes set gpu-1 --tag rack=4 --tag any --untag spare" in " ".join(text.split())
        await console.press("enter")
        assert router.mutations == [("PATCH", "/v0/nodes/gpu-1", {"tags": ["rack=4", "any"]})]
        assert "tagged gpu-1" in console.lines()[-1]

    drive(script, router=router)


def test_of_the_marked_nodes_only_those_that_differ_are_sent() -> None:
    router = fleet(one=["rack=3"], two=["pony"])

    async def script(console: Console) -> None:
        await console.press("asterisk", "t", *"-pony", "enter")
        assert router.mutations == [("PATCH", "/v0/nodes/two", {"tags": []})]

    drive(script, router=router)


def test_nothing_typed_changes_nothing_and_a_conflict_is_told() -> None:
    router = fleet()

    async def script(console: Console) -> None:
        await console.press("t", "enter")
        assert "no tag is given" in console.text()
        assert isinstance(console.app.screen, TagDialog)
        router.nodes["gpu-1"]["revision"] += 1  # as if the feed had not told it yet
        await console.press("a", "enter")
        assert "it changed meanwhile" in console.text()
        assert router.nodes["gpu-1"]["tags"] == ["rack=3", "spare"]

    drive(script, router=router)
