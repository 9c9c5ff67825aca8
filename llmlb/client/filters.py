"""The filter language, the same in the console and on the command line, over whatever is listed.

gpu-e            a name, an id or a tag holds the text
state:pending    a state; its first letters are enough
gpu>80  seen>30s  total>=1k  avg<200ms      figures, with a unit where they have one; gpu:- is unknown
model:llama*     texts with * and ?; without them a part is enough; model="a b" is the whole text
/re.*x/          a regular expression over the same texts as a bare word
!term  ( )  or   not, groups, either; terms side by side must all hold

What can be asked for depends on what is listed: a ``Vocabulary`` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import translate
from typing import Generic, NamedTuple, TypeVar

from llmlb.errors import FilterError

MAX_CHARACTERS = 500
_MAX_DEPTH = 20

S = TypeVar("S")
Predicate = Callable[[S], bool]
Texts = Callable[[S], Iterable[str]]


class Figure(NamedTuple, Generic[S]):
    """How a figure is read; None where it is unknown. units: what each suffix multiplies with, "" for none."""

    get: Callable[[S], float | None]
    units: Mapping[str, float]


PLAIN = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
PERCENT = {"": 1.0, "%": 1.0}
DEGREES = {"": 1.0, "c": 1.0, "°c": 1.0, "°": 1.0}
SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
MILLISECONDS = {"": 1.0, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
BYTES = {"": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}


class Vocabulary(NamedTuple, Generic[S]):
    """What a filter can ask for. named: the texts that a bare word or an expression looks in.

    A field may be a text and a figure: then < and > compare the figure, the others the text.
    """

    named: Texts[S]
    texts: Mapping[str, Texts[S]]
    figures: Mapping[str, Figure[S]]
    states: Mapping[str, Predicate[S]]

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field there is, for completion and help."""
        return tuple(sorted({*(("state",) if self.states else ()), *self.texts, *self.figures}))


def read_filter(text: str, vocabulary: Vocabulary[S]) -> Predicate[S]:
    """What the filter means; one without a term admits everything.

    Raises FilterError, which says where it stops making sense.
    """
    if len(text) > MAX_CHARACTERS:
        raise FilterError(f"a filter has at most {MAX_CHARACTERS} characters", MAX_CHARACTERS)
    return _Parser(text, vocabulary).whole() if text.strip() else _everything


def _everything(subject: object) -> bool:
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


class _Parser(Generic[S]):
    """Recursive descent: either := all (or all)*; all := one+; one := !one | (either) | /regex/ | term."""

    def __init__(self, text: str, vocabulary: Vocabulary[S]) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> Predicate[S]:
        predicate = self._either()
        if (token := self._peek()) is not None:
            raise FilterError("this ) closes nothing", token.position)
        return predicate

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _either(self) -> Predicate[S]:
        choices = [self._all()]
        while (token := self._peek()) is not None and token.kind == "or":
            self._next += 1
            choices.append(self._all())
        if len(choices) == 1:
            return choices[0]
        return lambda subject: any(choice(subject) for choice in choices)

    def _all(self) -> Predicate[S]:
        terms: list[Predicate[S]] = []
        while (token := self._peek()) is not None and token.kind not in (")", "or"):
            terms.append(self._one())
        if not terms:
            token = self._peek()
            position = len(self._text) if token is None else token.position
            raise FilterError("something to look for is missing here", position)
        if len(terms) == 1:
            return terms[0]
        return lambda subject: all(term(subject) for term in terms)

    def _one(self) -> Predicate[S]:
        token = self._tokens[self._next]
        self._next += 1
        match token.kind:
            case "!":
                return self._negated(token)
            case "(":
                return self._group(token)
            case "regex":
                return _regex(token, self._vocabulary.named)
            case _:
                return _term(token, self._vocabulary)

    def _negated(self, token: _Token) -> Predicate[S]:
        following = self._peek()
        if following is None or following.kind in (")", "or"):
            raise FilterError("! needs something to negate", token.position)
        self._descend(token)
        predicate = self._one()
        self._depth -= 1
        return lambda subject: not predicate(subject)

    def _group(self, token: _Token) -> Predicate[S]:
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


def _regex(token: _Token, named: Texts[S]) -> Predicate[S]:
    # A pattern such as (a+)+ takes for ever on the wrong text, and the console would stand still.
    if _RUNAWAY.search(token.text) is not None:
        raise FilterError("a repetition inside a repetition can take for ever", token.position)
    try:
        pattern = re.compile(token.text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        reason = error.msg if isinstance(error, re.error) else "too large"
        raise FilterError(f"not a regular expression: {reason}", token.position) from error
    return lambda subject: any(pattern.search(text) is not None for text in named(subject))


def _term(token: _Token, vocabulary: Vocabulary[S]) -> Predicate[S]:
    found = _FIELD.fullmatch(token.text)
    if found is None:
        wanted = token.text.replace('"', "").lower()
        named = vocabulary.named
        return lambda subject: any(wanted in text.lower() for text in named(subject))
    field, operator, value = found[1].lower(), found[2], found[3].replace('"', "")
    if field == "state" and vocabulary.states:
        return _state(vocabulary.states, operator, value, token)
    texts, figure = vocabulary.texts.get(field), vocabulary.figures.get(field)
    if figure is not None and (texts is None or operator[0] in "<>"):
        return _figure(figure, operator, value, token)
    if texts is not None:
        return _text(texts, operator, value, token)
    raise FilterError(f"there is no field {field}; the fields are {', '.join(vocabulary.fields)}", token.position)


def _state(states: Mapping[str, Predicate[S]], operator: str, value: str, token: _Token) -> Predicate[S]:
    if operator not in (":", "=", "!="):
        raise FilterError("a state is compared with : = or !=", token.position)
    wanted = [name for name in states if value and name.startswith(value.lower())]
    if not wanted:
        raise FilterError(f"there is no state {value or 'without a name'}; {', '.join(states)}", token.position)
    tests = [states[name] for name in wanted]
    if operator == "!=":
        return lambda subject: not any(test(subject) for test in tests)
    return lambda subject: any(test(subject) for test in tests)


def _text(texts: Texts[S], operator: str, value: str, token: _Token) -> Predicate[S]:
    if operator not in (":", "=", "!="):
        raise FilterError("a text is compared with : = or !=", token.position)
    wanted = value.lower()
    if operator == "=":
        return lambda subject: any(text.lower() == wanted for text in texts(subject))
    if operator == "!=":
        return lambda subject: all(text.lower() != wanted for text in texts(subject))
    if not wanted:
        raise FilterError("a text to look for is missing behind the :", token.position)
    if wanted == "-":
        return lambda subject: not any(texts(subject))
    if "*" in wanted or "?" in wanted:
        # Runs of * mean the same as one and would take for ever.
        pattern = re.compile(translate(re.sub(r"\*+", "*", wanted)))
        return lambda subject: any(pattern.match(text.lower()) is not None for text in texts(subject))
    return lambda subject: any(wanted in text.lower() for text in texts(subject))


_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z%°]*)", re.IGNORECASE)


def _figure(figure: Figure[S], operator: str, value: str, token: _Token) -> Predicate[S]:
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
