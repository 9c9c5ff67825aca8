"""The filter language, the same in the console and on the command line.

gpu-e            the id, the name or a tag holds the text
state:pending    also offline, online, draining, late, excluded; state:p is enough
gpu>80  seen>30s  total>=1k  avg<200ms      figures, with a unit where they have one; gpu:- is unknown
model:llama*     texts with * and ?; without them a part is enough; model="a b" is the whole text
tag:pool=chat    a tag, or the part before its =
/re.*x/          a regular expression over id, name and tags
!term  ( )  or   not, groups, either; terms side by side must all hold
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from typing import NamedTuple

from llmlb.errors import ConfigurationError
from llmlb_tui.model.nodes import NodeRow

MAX_CHARACTERS = 500
_MAX_DEPTH = 20


class Subject(NamedTuple):
    """What a filter looks at. now_unix_s: the router's clock, for ages."""

    node: NodeRow
    now_unix_s: float


Predicate = Callable[[Subject], bool]


class FilterError(ConfigurationError):
    """A filter that cannot be read. position: the character at fault, from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class Filter(NamedTuple):
    """A filter as typed, and what it means."""

    text: str
    predicate: Predicate

    def admits(self, node: NodeRow, now_unix_s: float) -> bool:
        return self.predicate(Subject(node, now_unix_s))


def parse_filter(text: str) -> Filter:
    """Read a filter; raises FilterError, which says where it stops making sense."""
    if len(text) > MAX_CHARACTERS:
        raise FilterError(f"a filter has at most {MAX_CHARACTERS} characters", MAX_CHARACTERS)
    stripped = text.strip()
    return Filter(stripped, _Parser(text).whole() if stripped else _everything)


def _everything(subject: Subject) -> bool:
    return True


class _Token(NamedTuple):
    text: str
    position: int
    kind: str


_SPACES = re.compile(r"\s+")
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)(/?)")
_TERM = re.compile(r"""(?:"[^"]*"|[^\s()"])+""")
_FIELD = re.compile(r"([a-z_]+)(>=|<=|!=|[:=<>])(.*)", re.IGNORECASE | re.DOTALL)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        if blank := _SPACES.match(text, at):
            at = blank.end()
        elif text[at] in "()!":
            tokens.append(_Token(text[at], at, text[at]))
            at += 1
        elif text[at] == "/":
            found = _REGEX.match(text, at)
            if found is None or not found[2]:
                raise FilterError("this regular expression has no closing /", at)
            tokens.append(_Token(found[1], at, "regex"))
            at = found.end()
        elif term := _TERM.match(text, at):
            tokens.append(_Token(term[0], at, "or" if term[0].lower() == "or" else "term"))
            at = term.end()
        else:
            raise FilterError('this " has no partner', at)
    return tokens


class _Parser:
    """Recursive descent: either := all (or all)*; all := one+; one := !one | (either) | /regex/ | term."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> Predicate:
        predicate = self._either()
        if (token := self._peek()) is not None:
            raise FilterError("this ) closes nothing", token.position)
        return predicate

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _either(self) -> Predicate:
        choices = [self._all()]
        while (token := self._peek()) is not None and token.kind == "or":
            self._next += 1
            choices.append(self._all())
        if len(choices) == 1:
            return choices[0]
        return lambda subject: any(choice(subject) for choice in choices)

    def _all(self) -> Predicate:
        terms: list[Predicate] = []
        while (token := self._peek()) is not None and token.kind not in (")", "or"):
            terms.append(self._one())
        if not terms:
            token = self._peek()
            position = len(self._text) if token is None else token.position
            raise FilterError("something to look for is missing here", position)
        if len(terms) == 1:
            return terms[0]
        return lambda subject: all(term(subject) for term in terms)

    def _one(self) -> Predicate:
        token = self._tokens[self._next]
        self._next += 1
        match token.kind:
            case "!":
                return self._negated(token)
            case "(":
                return self._group(token)
            case "regex":
                return _regex(token)
            case _:
                return _term(token)

    def _negated(self, token: _Token) -> Predicate:
        following = self._peek()
        if following is None or following.kind in (")", "or"):
            raise FilterError("! needs something to negate", token.position)
        self._descend(token)
        predicate = self._one()
        self._depth -= 1
        return lambda subject: not predicate(subject)

    def _group(self, token: _Token) -> Predicate:
        self._descend(token)
        predicate = self._either()
        closing = self._peek()
        if closing is None:
            raise FilterError("this ( is never closed", token.position)
        self._next += 1
        self._depth -= 1
        return predicate

    def _descend(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise FilterError(f"more than {_MAX_DEPTH} levels are too deep", token.position)


_RUNAWAY = re.compile(r"[+*}]\)?[+*{]|\([^)]*[+*|][^)]*\)[+*{]")


def _regex(token: _Token) -> Predicate:
    # A pattern such as (a+)+ takes for ever on the wrong text, and the console would stand still.
    if _RUNAWAY.search(token.text) is not None:
        raise FilterError("a repetition inside a repetition can take for ever", token.position)
    try:
        pattern = re.compile(token.text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        reason = error.msg if isinstance(error, re.error) else "too large"
        raise FilterError(f"not a regular expression: {reason}", token.position) from error
    return lambda subject: any(pattern.search(text) is not None for text in _named(subject.node))


def _named(node: NodeRow) -> Iterable[str]:
    return (node.id, node.name, *node.tags)


def _term(token: _Token) -> Predicate:
    found = _FIELD.fullmatch(token.text)
    if found is None:
        wanted = token.text.replace('"', "").lower()
        return lambda subject: any(wanted in text.lower() for text in _named(subject.node))
    field, operator, value = found[1].lower(), found[2], found[3].replace('"', "")
    if field == "state":
        return _state(operator, value, token)
    if field in _TEXTS:
        return _text(_TEXTS[field], operator, value, token)
    if field in _FIGURES:
        return _figure(_FIGURES[field], operator, value, token)
    near = ", ".join(sorted((*_TEXTS, *_FIGURES, "state")))
    raise FilterError(f"there is no field {field}; the fields are {near}", token.position)


def _state(operator: str, value: str, token: _Token) -> Predicate:
    if operator not in (":", "=", "!="):
        raise FilterError("a state is compared with : = or !=", token.position)
    wanted = [name for name in _STATES if value and name.startswith(value.lower())]
    if not wanted:
        raise FilterError(f"there is no state {value or 'without a name'}; {', '.join(_STATES)}", token.position)
    tests = [_STATES[name] for name in wanted]
    if operator == "!=":
        return lambda subject: not any(test(subject.node) for test in tests)
    return lambda subject: any(test(subject.node) for test in tests)


_STATES: dict[str, Callable[[NodeRow], bool]] = {
    "online": lambda node: node.state == "online",
    "pending": lambda node: node.state == "pending",
    "offline": lambda node: node.state == "offline",
    "draining": lambda node: node.draining,
    "late": lambda node: node.late,
    "excluded": lambda node: bool(node.excluded_by),
    "attention": lambda node: node.attention < 4,
}

_TEXTS: dict[str, Callable[[NodeRow], Iterable[str]]] = {
    "id": lambda node: (node.id,),
    "node": lambda node: (node.id,),
    "name": lambda node: (node.name,),
    "machine": lambda node: (node.machine,),
    "url": lambda node: (node.url,),
    "note": lambda node: (node.note,),
    "model": lambda node: node.models,
    "loaded": lambda node: node.loaded,
    "card": lambda node: node.gpus,
    "circuit": lambda node: (node.circuit,),
    "excluded": lambda node: node.excluded_by,
    "tag": lambda node: (*node.tags, *(tag.partition("=")[0] for tag in node.tags)),
}


def _text(texts: Callable[[NodeRow], Iterable[str]], operator: str, value: str, token: _Token) -> Predicate:
    if operator not in (":", "=", "!="):
        raise FilterError("a text is compared with : = or !=", token.position)
    wanted = value.lower()
    if operator == "=":
        return lambda subject: any(text.lower() == wanted for text in texts(subject.node))
    if operator == "!=":
        return lambda subject: all(text.lower() != wanted for text in texts(subject.node))
    if not wanted:
        raise FilterError("a text to look for is missing behind the :", token.position)
    if wanted == "-":
        return lambda subject: not any(texts(subject.node))
    if "*" in wanted or "?" in wanted:
        # Runs of * mean the same as one and would take for ever.
        pattern = re.compile(translate(re.sub(r"\*+", "*", wanted)))
        return lambda subject: any(pattern.match(text.lower()) is not None for text in texts(subject.node))
    return lambda subject: any(wanted in text.lower() for text in texts(subject.node))


class _Figure(NamedTuple):
    """How a figure is read. unit: what a bare number means; units: what each suffix multiplies with."""

    get: Callable[[Subject], float | None]
    units: dict[str, float]


_PLAIN = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
_PERCENT = {"": 1.0, "%": 1.0}
_DEGREES = {"": 1.0, "c": 1.0, "°c": 1.0, "°": 1.0}
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_MILLISECONDS = {"": 1.0, "ms": 1.0, "s": 1000.0, "m": 60_000.0}

_FIGURES: dict[str, _Figure] = {
    "gpu": _Figure(lambda subject: subject.node.gpu, _PERCENT),
    "vram": _Figure(lambda subject: subject.node.vram, _PERCENT),
    "temp": _Figure(lambda subject: subject.node.temp, _DEGREES),
    "cpu": _Figure(lambda subject: subject.node.cpu, _PERCENT),
    "memory": _Figure(lambda subject: subject.node.memory, _PERCENT),
    "active": _Figure(lambda subject: subject.node.active, _PLAIN),
    "total": _Figure(lambda subject: subject.node.total, _PLAIN),
    "failed": _Figure(lambda subject: subject.node.failed, _PLAIN),
    "avg": _Figure(lambda subject: subject.node.avg_ms, _MILLISECONDS),
    "ttft": _Figure(lambda subject: subject.node.ttft_ms, _MILLISECONDS),
    "seen": _Figure(lambda subject: subject.node.seen_s(subject.now_unix_s), _SECONDS),
    "up": _Figure(lambda subject: subject.node.up_s(subject.now_unix_s), _SECONDS),
    "beats": _Figure(lambda subject: subject.node.heartbeats, _PLAIN),
    "timeouts": _Figure(lambda subject: subject.node.timeouts, _PLAIN),
    "score": _Figure(lambda subject: subject.node.score, _PLAIN),
    "limit": _Figure(lambda subject: subject.node.max_concurrency, _PLAIN),
}
_FIGURES |= {"act": _FIGURES["active"], "heart": _FIGURES["beats"], "err": _FIGURES["failed"]}

FIELDS = tuple(sorted(("state", *_TEXTS, *_FIGURES)))
"""For completion and help."""

_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z%°]*)", re.IGNORECASE)


def _figure(figure: _Figure, operator: str, value: str, token: _Token) -> Predicate:
    if value == "-" and operator in (":", "=", "!="):
        return lambda subject: (figure.get(subject) is None) is (operator != "!=")
    found = _AMOUNT.fullmatch(value.strip())
    unit = None if found is None else figure.units.get(found[2].lower())
    if found is None or unit is None:
        known = ", ".join(filter(None, figure.units)) or "no unit"
        raise FilterError(f"{value or 'nothing'} is no figure here; units: {known}", token.position)
    wanted = float(found[1]) * unit
    compare = _COMPARISONS[operator]
    return lambda subject: (got := figure.get(subject)) is not None and compare(got, wanted)


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ":": lambda got, wanted: round(got) == round(wanted),
    "=": lambda got, wanted: round(got) == round(wanted),
    "!=": lambda got, wanted: round(got) != round(wanted),
    ">": lambda got, wanted: got > wanted,
    ">=": lambda got, wanted: got >= wanted,
    "<": lambda got, wanted: got < wanted,
    "<=": lambda got, wanted: got <= wanted,
}
