"""The columns of the list: what each shows, and how wide it is on a narrow, a usual and a wide terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from llmlb.core.health import NodeState
from llmlb.errors import ConfigurationError
from llmlb_tui.model.formats import ABSENT, age, count, degrees, duration_ms, percent, rate, span
from llmlb_tui.model.history import History
from llmlb_tui.model.nodes import Mood, NodeRow
from llmlb_tui.model.text import fitted, middle_cut, right, width
from llmlb_tui.model.traffic import NO_FLOWS, Flows
from llmlb_tui.render.glyphs import Glyphs
from llmlb_tui.render.line import Line, Role, Span


class WidthClass(IntEnum):
    """The terminals that the console is drawn for; one in between gets the next narrower drawing."""

    NARROW = 80
    USUAL = 120
    WIDE = 200


def width_class(cells: int) -> WidthClass:
    if cells >= WidthClass.WIDE:
        return WidthClass.WIDE
    return WidthClass.USUAL if cells >= WidthClass.USUAL else WidthClass.NARROW


class CellContext(NamedTuple):
    """What a cell is made from."""

    node: NodeRow
    history: History | None
    now_unix_s: float
    glyphs: Glyphs
    width_class: WidthClass
    flows: Flows = NO_FLOWS


class Column(NamedTuple):
    """One column. cells: its width in each width class.  gap: blanks before it.  about: for the chooser.

    draw: the cell's text, already as wide as it may be; the list fills it up on the side that ``is_right`` leaves.
    sort: the key it sorts by.
    """

    key: str
    header: str
    cells: tuple[int, int, int]
    about: str
    draw: Callable[[CellContext, int], Span]
    is_right: bool = True
    gap: int = 1
    sort: str = ""


def load_role(value: float | None) -> Role:
    """The hue of a load, from cool to hot; it warns of nothing."""
    if value is None:
        return Role.DIM
    if value < 40:
        return Role.LOAD_LOW
    if value < 70:
        return Role.LOAD_MIDDLE
    return Role.LOAD_HIGH if value < 90 else Role.LOAD_FULL


MOOD_ROLES = {
    Mood.ONLINE: Role.GOOD,
    Mood.PENDING: Role.WAITING,
    Mood.OFFLINE: Role.TROUBLE,
    Mood.DRAIN: Role.PAUSED,
}


def _id(context: CellContext, cells: int) -> Span:
    text = middle_cut(context.node.id, cells, ellipsis=context.glyphs.ellipsis)
    return Span(text, Role.STRONG if context.node.is_in_trouble else Role.TEXT)


def _state(context: CellContext, cells: int) -> Span:
    mood = context.node.mood
    return Span(f"{context.glyphs.moods[mood]} {mood.value}", MOOD_ROLES[mood])


def _unit_aligned(text: str) -> str:
    """An absent figure stands under the digits of the others, not under their unit."""
    return f"{ABSENT} " if text == ABSENT else text


def _gpu(context: CellContext, cells: int) -> Span:
    return _gauge(context, context.node.gpu, cells)


def _vram(context: CellContext, cells: int) -> Span:
    return _gauge(context, context.node.vram, cells)


_FIGURE_CELLS = 4


def _gauge(context: CellContext, value: float | None, cells: int) -> Span:
    """The percentage, and a bar where there is room for one."""
    figure = right(_unit_aligned(percent(value)), _FIGURE_CELLS)
    bar_cells = cells - _FIGURE_CELLS - 1
    if bar_cells < 1:
        return Span(figure, load_role(value))
    return Span(f"{figure} {context.glyphs.bar(value, bar_cells)}", load_role(value))


def _temp(context: CellContext, cells: int) -> Span:
    text = _unit_aligned(degrees(context.node.temp, context.glyphs.degree))
    return Span(text, Role.DIM if context.node.temp is None else Role.TEXT)


def _active(context: CellContext, cells: int) -> Span:
    node = context.node
    if node.state is not NodeState.ONLINE:
        # What it worked on when it fell silent says nothing about now, and a pending one is given nothing.
        return Span(ABSENT, Role.DIM)
    limit = f"/{node.max_concurrency}" if context.width_class is WidthClass.WIDE and node.max_concurrency else ""
    role = Role.STRONG if "active" in node.excluded_by else Role.TEXT
    return Span(count(node.active, cells - len(limit)) + limit, role)


def _plain_count(get: Callable[[NodeRow], int | None]) -> Callable[[CellContext, int], Span]:
    return lambda context, cells: Span(count(get(context.node), cells))


def _milliseconds(get: Callable[[NodeRow], float | None]) -> Callable[[CellContext, int], Span]:
    return lambda context, cells: Span(duration_ms(get(context.node)))


def _per_s(get: Callable[[Flows, str], float | None]) -> Callable[[CellContext, int], Span]:
    def draw(context: CellContext, cells: int) -> Span:
        # What went through it before it fell silent says nothing about now.
        is_online = context.node.state is NodeState.ONLINE
        return Span(rate(get(context.flows, context.node.id) if is_online else None))

    return draw


def _seen(context: CellContext, cells: int) -> Span:
    node = context.node
    is_bad = node.late or node.mood is Mood.OFFLINE
    return Span(age(node.seen_s(context.now_unix_s)), Role.TROUBLE if is_bad else Role.TEXT)


def _up(context: CellContext, cells: int) -> Span:
    return Span(span(context.node.up_s(context.now_unix_s)))


def _history(context: CellContext, cells: int) -> Span:
    points = context.history.gpu() if context.history is not None else ()
    if cells < 10:
        return Span(context.glyphs.packed(points, cells), load_role(context.node.gpu))
    return Span(context.glyphs.spark(points, cells), load_role(context.node.gpu))


def _latency_history(context: CellContext, cells: int) -> Span:
    points = context.history.avg_ms() if context.history is not None else ()
    top = max((point for point in points if point is not None), default=1.0)
    return Span(context.glyphs.spark(points, cells, top=top * 1.25), Role.DIM)


def _text(get: Callable[[NodeRow], str]) -> Callable[[CellContext, int], Span]:
    return lambda context, cells: Span(get(context.node))


def _percent(get: Callable[[NodeRow], float | None]) -> Callable[[CellContext, int], Span]:
    return lambda context, cells: Span(_unit_aligned(percent(get(context.node))))


def first_model(node: NodeRow) -> str:
    """The first model, and how many more there are."""
    models = node.models
    if not models:
        return ""
    return models[0] if len(models) == 1 else f"{models[0]} +{len(models) - 1}"


_COLUMNS = (
    Column("id", "NODE", (12, 14, 14), "the node's id", _id, is_right=False, gap=0, sort="id"),
    Column("state", "STATE", (9, 10, 10), "Online, Pending, Offline or draining", _state, is_right=False, sort="state"),
    Column("gpu", "GPU", (4, 11, 4), "GPU busy", _gpu, sort="gpu"),
    Column("vram", "VRAM", (4, 11, 4), "GPU memory used", _vram, sort="vram"),
    Column("temp", "TEMP", (4, 4, 4), "temperature of the hottest GPU", _temp, sort="temp"),
    Column("act", "ACT", (3, 4, 6), "requests it works on now", _active, sort="act"),
    Column("total", "TOTAL", (5, 7, 8), "requests since it registered",
           _plain_count(lambda node: node.total), sort="total"),
    Column("avg", "AVG", (5, 7, 7), "mean time of an answer", _milliseconds(lambda node: node.avg_ms), sort="avg"),
    Column("ttft", "TTFT", (5, 6, 6), "mean time to the first token",
           _milliseconds(lambda node: node.ttft_ms), sort="ttft"),
    Column("rps", "REQ/S", (6, 6, 6), "requests a second, mean of ten seconds",
           _per_s(Flows.requests_per_s), sort="rps"),
    Column("tps", "TOK/S", (6, 6, 6), "tokens a second, mean of ten seconds",
           _per_s(Flows.tokens_per_s), sort="tps"),
    Column("lat", "LAT 10", (5, 10, 10), "the last ten mean times", _latency_history, is_right=False, sort="avg"),
    Column("seen", "SEEN", (4, 5, 5), "since its last heartbeat", _seen, sort="seen"),
    Column("up", "UP", (5, 6, 6), "since it came Online", _up, sort="up"),
    Column("hb", "HEART", (5, 6, 7), "heartbeats received", _plain_count(lambda node: node.heartbeats), sort="hb"),
    Column("hist", "GPU10", (5, 10, 10), "GPU busy at the last ten heartbeats", _history, is_right=False),
    Column("model", "MODEL", (9, 9, 9), "its first model", _text(first_model), is_right=False, sort="model"),
    Column("tags", "TAGS", (9, 9, 9), "its tags", _text(lambda node: " ".join(node.tags)), is_right=False, sort="tags"),
    Column("name", "NAME", (10, 14, 14), "the name you gave it", _text(lambda node: node.name), is_right=False),
    Column("machine", "MACHINE", (10, 14, 14), "its machine", _text(lambda node: node.machine), is_right=False),
    Column("cpu", "CPU", (4, 4, 4), "CPU of its machine", _percent(lambda node: node.cpu)),
    Column("memory", "MEM", (4, 4, 4), "memory of its machine", _percent(lambda node: node.memory)),
    Column("failed", "FAIL", (5, 6, 6), "requests that failed", _plain_count(lambda node: node.failed), sort="failed"),
    Column("timeouts", "TMOUT", (5, 5, 5), "how often it fell silent", _plain_count(lambda node: node.timeouts)),
    Column("score", "SCORE", (5, 6, 6), "capability score", _plain_count(lambda node: node.score), sort="score"),
    Column("circuit", "CIRCUIT", (9, 9, 9), "closed; open after failures",
           _text(lambda node: node.circuit), is_right=False),
    Column("over", "OVER", (8, 15, 15), "thresholds it is over",
           _text(lambda node: ",".join(node.excluded_by)), is_right=False),
)  # fmt: skip
COLUMNS: Mapping[str, Column] = {column.key: column for column in _COLUMNS}

_USUAL = ("id", "state", "gpu", "vram", "temp", "act", "total", "avg", "seen", "up", "hb", "hist")
DEFAULT_COLUMNS: Mapping[WidthClass, tuple[str, ...]] = {
    WidthClass.NARROW: _USUAL,
    WidthClass.USUAL: _USUAL,
    WidthClass.WIDE: (
        *("id", "state", "gpu", "hist", "vram", "temp", "act", "total", "avg", "ttft", "lat"),
        *("seen", "up", "hb", "model", "tags"),
    ),
}
_LEAST_WANTED = ("hb", "total", "up", "hist", "avg", "temp", "vram", "act", "seen")
"""What a terminal below 80 cells goes without, in this order."""
PREFIX_CELLS = {WidthClass.NARROW: 2, WidthClass.USUAL: 5, WidthClass.WIDE: 5}
SIDE_CELLS = 60
"""The panel beside the list on a wide terminal, with its rule."""


class Slot(NamedTuple):
    """A column at its place. start: the first cell of its content."""

    column: Column
    start: int
    cells: int


class Layout(NamedTuple):
    """Which columns fit, and where they stand."""

    width_class: WidthClass
    slots: tuple[Slot, ...]
    cells: int

    def column_at(self, x: int) -> Column | None:
        """The column drawn at a cell."""
        return next((slot.column for slot in self.slots if slot.start - 1 <= x < slot.start + slot.cells), None)


def parse_columns(text: str) -> tuple[str, ...]:
    """``id,gpu,model``: raises ConfigurationError with the known names. The id is always the first."""
    keys = [word.strip().lower() for word in text.split(",") if word.strip()]
    unknown = [key for key in keys if key not in COLUMNS]
    if unknown:
        raise ConfigurationError(f"there is no column {unknown[0]!r}; known: {', '.join(COLUMNS)}")
    return tuple(dict.fromkeys(("id", *keys))) if keys else ()


def layout(cells: int, chosen: Sequence[str] = ()) -> Layout:
    """Place the chosen columns, or the usual ones, on a terminal of this width."""
    drawn_for = width_class(cells)
    room = cells - SIDE_CELLS if drawn_for is WidthClass.WIDE else cells
    keys = list(chosen or DEFAULT_COLUMNS[drawn_for])
    index = list(WidthClass).index(drawn_for)
    while len(keys) > 1 and _used(keys, drawn_for, index) > room:
        keys.remove(next((key for key in _LEAST_WANTED if key in keys), keys[-1]) if not chosen else keys[-1])
    spare = max(0, cells - drawn_for) if not chosen else max(0, room - _used(keys, drawn_for, index))
    slots: list[Slot] = []
    at = PREFIX_CELLS[drawn_for]
    for key in keys:
        column = COLUMNS[key]
        wanted = column.cells[index] + _share(key, keys, spare)
        at += _gap(column, drawn_for)
        slots.append(Slot(column, at, wanted))
        at += wanted
    return Layout(drawn_for, tuple(slots), room)


def _used(keys: Sequence[str], drawn_for: WidthClass, index: int) -> int:
    return PREFIX_CELLS[drawn_for] + sum(COLUMNS[key].cells[index] + _gap(COLUMNS[key], drawn_for) for key in keys)


def _gap(column: Column, drawn_for: WidthClass) -> int:
    return 2 if column.key == "hist" and drawn_for is WidthClass.USUAL else column.gap


_STRETCHING = {"id": 26, "model": 22, "tags": 22, "name": 12, "machine": 12}


def _share(key: str, keys: Sequence[str], spare: int) -> int:
    """What a column gets of the cells nobody needs: names first."""
    for each in ("id", "model", "tags", "name", "machine"):
        if each not in keys:
            continue
        taken = min(spare, _STRETCHING[each])
        if each == key:
            return taken
        spare -= taken
    return 0


def header_line(given: Layout, glyphs: Glyphs, *, sorted_by: str = "", falls: bool = True) -> Line:
    """The names of the columns; the one that sorts carries an arrow where there is room."""
    pieces: list[Span] = [Span(" " * PREFIX_CELLS[given.width_class], Role.HEADER)]
    at = PREFIX_CELLS[given.width_class]
    for slot in given.slots:
        pieces.append(Span(" " * (slot.start - at), Role.HEADER))
        title = _header(slot)
        is_sorting = bool(sorted_by) and slot.column.sort == sorted_by and slot.column.key != "lat"
        if is_sorting and width(title) + 1 < slot.cells:
            title += glyphs.down if falls else glyphs.up
        text = right(title, slot.cells) if slot.column.is_right and slot.cells < 11 else fitted(title, slot.cells)
        pieces.append(Span(text, Role.KEY if is_sorting else Role.HEADER))
        at = slot.start + slot.cells
    return Line(tuple(pieces), Role.HEADER)


def _header(slot: Slot) -> str:
    if slot.column.key == "hist" and slot.cells >= 10:
        return "GPU 10 pt"
    if slot.column.key in ("gpu", "vram") and slot.cells >= 11:
        return f" {slot.column.header}" if len(slot.column.header) == 3 else slot.column.header
    return slot.column.header


def row_line(given: Layout, context: CellContext, *, cursor: bool, marked: bool, stale: bool = False) -> Line:
    """One node."""
    glyphs = context.glyphs
    pointer = (
        glyphs.cursor_marked if cursor and marked else glyphs.cursor if cursor else glyphs.marked if marked else " "
    )
    flag = "!" if context.node.is_in_trouble else " "
    mark_role = Role.MARK if marked or cursor else Role.TEXT
    if given.width_class is WidthClass.NARROW:
        pieces = [Span(pointer, mark_role), Span(flag, Role.TROUBLE)]
    else:
        pieces = [Span(" "), Span(pointer, mark_role), Span(" "), Span(flag, Role.TROUBLE), Span(" ")]
    at = PREFIX_CELLS[given.width_class]
    for slot in given.slots:
        text, role = slot.column.draw(context, slot.cells)
        # Blanks join the nearest text: half as many pieces are half the work for the terminal.
        blanks = " " * (slot.start - at)
        fit = right if slot.column.is_right else fitted
        pieces.append(Span(blanks + fit(text, slot.cells, ellipsis=glyphs.ellipsis), role))
        at = slot.start + slot.cells
    base = Role.CURSOR if cursor else Role.STALE if stale else Role.TEXT
    return Line(tuple(pieces), base)
