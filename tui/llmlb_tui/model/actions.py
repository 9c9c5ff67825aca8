"""Every key of the console, once: bindings, footer, help, palette and the documentation are made from this table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple


class Place(StrEnum):
    """The screens; the value is what the help calls one."""

    FLEET = "the list of nodes"
    NODE = "one node"
    EVENTS = "events"
    EVENT = "one event"
    REQUESTS = "requests"
    ALERTS = "alerts"
    KEYS = "API keys"
    LOADTEST = "load test"
    HELP = "help"


class Danger(StrEnum):
    """What happens before an action is carried out."""

    NONE = "none"
    ASK = "a question, with Cancel chosen"
    TYPED = "the id or the number must be typed"


class Group(StrEnum):
    """The sections of the help."""

    MOVE = "Move"
    LIST = "List"
    MARK = "Mark"
    ACT = "Act"
    SCREENS = "Screens"
    REPLAY = "Replay"
    CONSOLE = "Console"


class Action(NamedTuple):
    """One thing the operator can do.

    keys: Textual's names.  label: one or two words for the footer.  about: a sentence for help and palette.
    changes: something on the router changes, so it needs the role ``admin``, a live connection and no --readonly.
    cli: the command that does the same; {ids} stands for the targets.  no_cli: why there is none.
    footer: the order in the footer, 0 for not there.  asks: the router is asked, which no replay can do.
    replays: only a replay has it.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    about: str
    group: Group
    places: tuple[Place, ...]
    cli: str = ""
    no_cli: str = ""
    changes: bool = False
    danger: Danger = Danger.NONE
    footer: int = 0
    asks: bool = False
    replays: bool = False

    @property
    def shown_keys(self) -> tuple[str, ...]:
        """The keys as people write them."""
        return tuple(KEY_NAMES.get(key, key) for key in self.keys)


KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "space": "Space",
    "asterisk": "*",
    "backslash": "\\",
    "enter": "Enter",
    "escape": "Esc",
    "backspace": "Bksp",
    "up": "Up",
    "down": "Down",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "plus": "+",
    "minus": "-",
    "ctrl+p": "Ctrl+P",
    "comma": ",",
    "full_stop": ".",
    "at": "@",
    "left": "Left",
    "right": "Right",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}

EVERYWHERE = tuple(Place)
LISTS = (
    Place.FLEET, Place.EVENTS, Place.EVENT, Place.REQUESTS, Place.ALERTS, Place.KEYS, Place.NODE, Place.LOADTEST,
    Place.HELP,
)  # fmt: skip
NODES = (Place.FLEET, Place.NODE)
_FLEET = (Place.FLEET,)
_MARKED = (Place.FLEET, Place.ALERTS)
ONLY_SEEN = "it changes only what this screen shows"

_LETTERED = tuple(place for place in LISTS if place is not Place.ALERTS)
"""Where j and k move; among the alerts k acknowledges, and half of a pair would be a trap."""


def _move(id: str, keys: tuple[str, ...], about: str, places: Sequence[Place] = LISTS) -> Action:
    return Action(id, keys, id, about, Group.MOVE, tuple(places), no_cli=ONLY_SEEN)


def _seen(
    id: str, keys: tuple[str, ...], label: str, about: str, group: Group, places: Sequence[Place], footer: int = 0
) -> Action:
    return Action(id, keys, label, about, group, tuple(places), no_cli=ONLY_SEEN, footer=footer)


def _replayed(id: str, keys: tuple[str, ...], label: str, about: str, footer: int = 0) -> Action:
    return Action(id, keys, label, about, Group.REPLAY, EVERYWHERE, no_cli=ONLY_SEEN, footer=footer, replays=True)


ACTIONS: tuple[Action, ...] = (
    _move("up", ("up",), "one row up"),
    _move("down", ("down",), "one row down"),
    _move("up_letter", ("k",), "one row up", _LETTERED),
    _move("down_letter", ("j",), "one row down", _LETTERED),
    _move("page_up", ("pageup",), "one page up"),
    _move("page_down", ("pagedown",), "one page down"),
    _move("first", ("g", "home"), "the first row"),
    _move("last", ("G", "end"), "the last row; events follow the newest again"),
    Action("open", ("enter",), "detail", "open the row under the cursor", Group.MOVE,
           (Place.FLEET, Place.EVENTS, Place.REQUESTS, Place.ALERTS), cli="llmlb nodes get {ids}", footer=3),
    Action("open_node", ("enter",), "node", "open the node that the event is about", Group.MOVE, (Place.EVENT,),
           cli="llmlb nodes get {ids}", footer=3),
    _seen("back", ("escape", "backspace"), "back", "clear the filter, else the marks, else leave the screen",
          Group.MOVE, tuple(place for place in Place if place is not Place.FLEET), 90),
    _seen("clear", ("escape", "backspace"), "clear", "end a range, else clear the filter, else the marks", Group.MOVE,
          _FLEET),
    Action("filter", ("slash",), "filter", "show only rows that match", Group.LIST,
           (Place.FLEET, Place.EVENTS, Place.REQUESTS, Place.ALERTS, Place.KEYS),
           cli="llmlb nodes list --filter QUERY", footer=1),
    Action("sort", ("s",), "sort", "choose the order: then a letter, s again to add a key", Group.LIST, _FLEET,
           cli="llmlb nodes list --sort-by gpu,id", footer=2),
    Action("reverse", ("S",), "reverse", "turn the order round", Group.LIST, _FLEET,
           cli="llmlb nodes list --sort-by -gpu"),
    Action("columns", ("c",), "columns", "choose the columns", Group.LIST, _FLEET,
           cli="llmlb nodes list --fields id,state,gpu"),
    _seen("follow", ("f",), "follow", "the cursor stays on its row, or at its place", Group.LIST, _FLEET),
    _seen("view_1", ("1",), "view 1", "the first saved view: everything, trouble first", Group.LIST, _FLEET),
    _seen("view_2", ("2",), "view 2", "the second saved view: what needs a person", Group.LIST, _FLEET),
    _seen("view_3", ("3",), "view 3", "the third saved view: by load", Group.LIST, _FLEET),
    _seen("view_4", ("4",), "view 4", "the fourth saved view: by time of an answer", Group.LIST, _FLEET),
    _seen("mark", ("space",), "mark", "mark the row, or take its mark away", Group.MARK, _MARKED, 25),
    _seen("mark_range", ("v",), "range", "begin a range of marks, or end it", Group.MARK, _MARKED),
    _seen("mark_all", ("asterisk",), "all", "mark every row that is shown", Group.MARK, _MARKED),
    _seen("mark_none", ("backslash",), "none", "take all marks away", Group.MARK, _MARKED),
    Action("approve", ("a",), "approve", "let pending nodes take requests", Group.ACT, NODES,
           cli="llmlb nodes approve {ids}", changes=True, danger=Danger.ASK, footer=10),
    Action("reject", ("x",), "reject", "turn nodes away and refuse their ids for 24 hours", Group.ACT, NODES,
           cli="llmlb nodes reject {ids}", changes=True, danger=Danger.ASK, footer=11),
    Action("drain", ("d",), "drain", "give nodes no new work; what runs may finish", Group.ACT, NODES,
           cli="llmlb nodes drain {ids}", changes=True, danger=Danger.ASK, footer=12),
    Action("undrain", ("u",), "undrain", "give drained nodes work again", Group.ACT, NODES,
           cli="llmlb nodes undrain {ids}", changes=True, danger=Danger.ASK, footer=13),
    Action("tag", ("t",), "tag", "add tags to nodes, or take tags away", Group.ACT, NODES,
           cli="llmlb nodes set {ids}", changes=True, danger=Danger.ASK),
    Action("delete", ("D",), "delete", "remove nodes and their tokens", Group.ACT, NODES,
           cli="llmlb nodes delete {ids}", changes=True, danger=Danger.TYPED),
    Action("why", ("w",), "why", "why the next request for a model would go where it goes", Group.ACT,
           (Place.FLEET, Place.NODE, Place.REQUESTS), cli="llmlb nodes why MODEL", asks=True),
    Action("copy", ("y",), "copy", "copy the id, the row, JSON or the command to the clipboard", Group.ACT,
           (Place.FLEET, Place.NODE, Place.REQUESTS, Place.ALERTS, Place.EVENTS),
           cli="llmlb nodes get {ids} -o json", footer=20),
    Action("export", ("e",), "export", "write the rows that are shown to a file", Group.ACT,
           (Place.FLEET, Place.EVENTS, Place.REQUESTS, Place.ALERTS), cli="llmlb nodes list -o csv", footer=21),
    Action("acknowledge", ("k",), "ack", "say that you take care of the alerts; asks about several", Group.ACT,
           (Place.ALERTS,), cli="llmlb alerts ack {ids}", changes=True, footer=10),
    Action("silence", ("z",), "silence 1h", "keep the alerts quiet for an hour, again ends that; asks about several",
           Group.ACT, (Place.ALERTS,), cli="llmlb alerts silence {ids} --for 1h", changes=True, footer=11),
    Action("create_key", ("n",), "new", "create an API key and show it, once", Group.ACT, (Place.KEYS,),
           cli="llmlb keys create NAME", changes=True, danger=Danger.ASK, footer=10),
    Action("revoke_key", ("D",), "revoke", "end an API key at once", Group.ACT, (Place.KEYS,),
           cli="llmlb keys revoke {ids}", changes=True, danger=Danger.TYPED, footer=11),
    Action("start_test", ("enter",), "start", "start the load test", Group.ACT, (Place.LOADTEST,),
           cli="llmlb loadtest -n N -c C -m MODEL", changes=True, footer=10),
    Action("stop_test", ("s",), "stop", "end the load test now and keep what was measured", Group.ACT,
           (Place.LOADTEST,), cli="Ctrl-C of llmlb loadtest", footer=11),
    Action("edit_test", ("e",), "edit", "change the next load test", Group.ACT, (Place.LOADTEST,),
           cli="llmlb loadtest --help", footer=12),
    Action("save_test", ("w",), "save", "save the result of the load test for a later comparison", Group.ACT,
           (Place.LOADTEST,), cli="llmlb loadtest --save NAME", footer=13),
    Action("thresholds", ("T",), "thresholds", "change the thresholds, with a preview", Group.SCREENS, EVERYWHERE,
           cli="llmlb thresholds set gpu=90 vram=85 active=12", danger=Danger.TYPED, footer=30),
    Action("undo_thresholds", ("U",), "undo", "take the last change of the thresholds back", Group.ACT, _FLEET,
           cli="llmlb thresholds set gpu=80", changes=True, danger=Danger.ASK),
    Action("loadtest", ("L",), "loadtest", "run a load test", Group.SCREENS, EVERYWHERE,
           cli="llmlb loadtest", footer=31, asks=True),
    Action("requests", ("R",), "requests", "the recent requests", Group.SCREENS, EVERYWHERE,
           cli="llmlb requests list", footer=32, asks=True),
    Action("alerts", ("A",), "alerts", "what needs a person", Group.SCREENS, EVERYWHERE,
           cli="llmlb alerts list", footer=33),
    Action("events", ("E",), "events", "everything that happened", Group.SCREENS, EVERYWHERE,
           cli="llmlb events tail", footer=34),
    Action("keys", ("K",), "keys", "the API keys of the clients", Group.SCREENS, EVERYWHERE, cli="llmlb keys list",
           asks=True),
    _replayed("previous_event", ("left_square_bracket",), "previous", "back to what happened before; stand still", 5),
    _replayed("next_event", ("right_square_bracket",), "next", "on to what happened next; stand still", 6),
    _replayed("previous_message", ("comma",), "message back", "take the last message of the router back"),
    _replayed("next_message", ("full_stop",), "message on", "take one message of the router"),
    _replayed("wind_back", ("left",), "10 s back", "ten seconds back", 8),
    _replayed("wind_on", ("right",), "10 s on", "ten seconds on", 9),
    _replayed("seek", ("at",), "go to", "go to an instant: 11:58:20, +30s, -5m, 50%", 7),
    _replayed("play_slower", ("less_than_sign",), "slower", "play half as fast", 14),
    _replayed("play_faster", ("greater_than_sign",), "faster", "play twice as fast", 15),
    _seen("help", ("question_mark",), "help", "the keys of this screen", Group.CONSOLE, EVERYWHERE, 1),
    _seen("palette", ("ctrl+p",), "palette", "find an action by its name", Group.CONSOLE, EVERYWHERE),
    _seen("command", ("colon",), "cmd", "the command line, with completion", Group.CONSOLE, EVERYWHERE, 95),
    Action("context", ("o",), "context", "look at another router", Group.CONSOLE, EVERYWHERE,
           cli="llmlb top --context NAME", asks=True),
    _seen("refresh", ("r",), "refresh", "try the router again at once, or log in again", Group.CONSOLE, EVERYWHERE)
    ._replace(asks=True),
    _seen("pause", ("p",), "pause", "hold the picture still, or let it go on", Group.CONSOLE, EVERYWHERE, 60),
    _seen("faster", ("plus",), "faster", "bring rows into order more often", Group.CONSOLE, _FLEET),
    _seen("slower", ("minus",), "slower", "bring rows into order less often", Group.CONSOLE, _FLEET),
    _seen("quit", ("q",), "quit", "leave the console; nothing on the router changes", Group.CONSOLE, EVERYWHERE, 99),
)  # fmt: skip

BY_ID = {action.id: action for action in ACTIONS}


def actions_of(place: Place) -> list[Action]:
    """What can be done on a screen."""
    return [action for action in ACTIONS if place in action.places]


def footer_actions(place: Place) -> list[Action]:
    """Those of the footer, the most wanted first."""
    return sorted((action for action in actions_of(place) if action.footer), key=lambda action: action.footer)


def cli_line(action: Action, ids: Iterable[str] = (), *, context: str = "") -> str:
    """The command that does the same; "" where there is none."""
    if not action.cli:
        return ""
    text = action.cli.replace("{ids}", " ".join(ids)).strip()
    return f"{text} --context {context}" if context and text.startswith("llmlb") else text
