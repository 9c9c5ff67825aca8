from __future__ import annotations

from collections import Counter

from llmlb_cli.completing import _known_options
from llmlb_cli.tree import COMMANDS, Noun
from llmlb_tui.app import ConsoleApp
from llmlb_tui.model.actions import ACTIONS, BY_ID, Danger, Place, actions_of, cli_line, footer_actions
from llmlb_tui.model.acts import ACTS
from llmlb_tui.replay_app import ReplayApp
from llmlb_tui.screens.alerts import AlertScreen
from llmlb_tui.screens.events import EventPage, EventScreen
from llmlb_tui.screens.fleet import FleetScreen
from llmlb_tui.screens.help import HelpScreen
from llmlb_tui.screens.keys import KeyScreen
from llmlb_tui.screens.loadtest import LoadTestScreen
from llmlb_tui.screens.node import NodeScreen
from llmlb_tui.screens.requests import RequestScreen
from llmlb_tui.screens.screen import ConsoleScreen

SCREENS: dict[Place, type[ConsoleScreen]] = {
    Place.FLEET: FleetScreen,
    Place.NODE: NodeScreen,
    Place.EVENTS: EventScreen,
    Place.EVENT: EventPage,
    Place.REQUESTS: RequestScreen,
    Place.ALERTS: AlertScreen,
    Place.KEYS: KeyScreen,
    Place.LOADTEST: LoadTestScreen,
    Place.HELP: HelpScreen,
}


def test_no_key_means_two_things_on_one_screen() -> None:
    for place in Place:
        counted = Counter(key for action in actions_of(place) for key in action.keys)
        assert [key for key, times in counted.items() if times > 1] == [], place


def test_every_action_of_every_screen_is_carried_out_by_somebody() -> None:
    for place, screen in SCREENS.items():
        for action in actions_of(place):
            app = ReplayApp if action.replays else ConsoleApp
            handler = getattr(screen, f"do_{action.id}", None) or getattr(app, f"do_{action.id}", None)
            assert handler is not None, f"{action.id} on {place}"


def test_nothing_is_carried_out_that_the_table_does_not_name() -> None:
    for owner in (*SCREENS.values(), ReplayApp):
        for name in dir(owner):
            assert not name.startswith("do_") or name.removeprefix("do_") in BY_ID, (
                f"{getattr(owner, '__name__', '')!s}.{name}"
            )


def test_bindings_of_every_screen_are_the_table() -> None:
    for place, screen in SCREENS.items():
        bound = {(binding.key, binding.action) for binding in screen.BINDINGS}  # type: ignore[union-attr]
        assert bound == {(",".join(action.keys), f"do('{action.id}')") for action in actions_of(place)}


def test_every_action_has_a_command_or_a_reason_for_having_none() -> None:
    for action in ACTIONS:
        assert bool(action.cli) is not bool(action.no_cli), action.id


def test_every_command_that_an_action_names_exists() -> None:
    missing = set()
    for action in ACTIONS:
        words = action.cli.split()
        if words[:1] != ["llmlb"]:
            continue
        entry = COMMANDS.get(words[1])
        if entry is None or (isinstance(entry, Noun) and words[2] not in entry.verbs):
            missing.add(" ".join(words[:3]))
    assert missing <= {"llmlb top --context"}, "the lead registers top"


def test_every_option_that_an_action_names_exists() -> None:
    for action in ACTIONS:
        words = action.cli.split()
        named = {word for word in words if word.startswith("--")}
        path = [word for word in words[1:3] if not word.startswith("-")]
        assert named <= {spelling for spelling, _, _ in _known_options(path)}, action.id


def test_what_the_lists_of_the_command_line_can_do_too_says_so() -> None:
    for name, option in (
        ("filter", "--filter"),
        ("sort", "--sort-by"),
        ("reverse", "--sort-by"),
        ("columns", "--fields"),
    ):
        assert option in BY_ID[name].cli.split()


def test_whatever_removes_something_must_be_typed() -> None:
    assert BY_ID["delete"].danger is BY_ID["revoke_key"].danger is Danger.TYPED
    assert all(BY_ID[verb].danger is not Danger.NONE for verb in ACTS)
    assert ACTS["delete"].is_typed


def test_footer_has_the_way_out_last() -> None:
    for place in Place:
        assert footer_actions(place)[-1].id == "quit"


def test_command_names_the_targets_and_the_context() -> None:
    assert cli_line(BY_ID["approve"], ["a", "b"], context="prod") == "llmlb nodes approve a b --context prod"
    assert cli_line(BY_ID["mark"]) == ""
