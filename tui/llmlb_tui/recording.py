"""What a console received, line by line, in a file that ``llmlb top --replay`` plays.

JSON lines: a header object, then one array a line, ``["event",12.345,"7","node",{...}]``: what it is, when, and what
came. The format is described in docs/console.md; ``VERSION`` grows when a reader of before could misread a new file.
Only what the console itself looks at is written, so nothing that it does not show can be in the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from io import BufferedWriter
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Raw, Struct
from msgspec.json import Decoder, encode
from msgspec.structs import replace

from llmlb import __version__
from llmlb.clock import rfc3339
from llmlb.errors import ConfigurationError
from llmlb_tui.model.feed import FedSnapshot
from llmlb_tui.model.fleet import MAX_NODES
from llmlb_tui.model.node_fields import NodeFields
from llmlb_tui.model.reading import Fields, fields, rows

if TYPE_CHECKING:
    from llmlb_tui.desk import Identity

FORMAT = "llmlb-recording"
VERSION = 1
MAX_RECORDED_BYTES = 512 * 1024 * 1024
"""A thousand nodes that beat every 30 s fill it in five hours; a disk has to survive a forgotten console."""
MAX_LINE_BYTES = 32 * 1024 * 1024
"""A snapshot of as many nodes as a console keeps is half of it."""
FLUSH_EVERY_S = 1.0


class Header(Struct):
    """The first line. at: when the recording began, RFC 3339.  llmlb: the version that wrote it."""

    format: str
    version: int
    at: str = ""
    llmlb: str = ""


class Entry(Struct, array_like=True):
    """A line. at_s: seconds since the recording began; they never go back."""

    at_s: float


class Router(Entry, tag="router"):
    """What comes next is of this router. unix_s: this machine's clock then.  interval_s: the console's option."""

    url: str
    context: str
    unix_s: float
    interval_s: float


class Told(Entry, tag="event"):
    """An event of the feed, by its id and kind."""

    id: str
    kind: str
    data: Raw


class Polled(Entry, tag="poll"):
    """The lists, fetched while the feed said nothing."""

    snapshot: Raw


class Caller(Entry, tag="caller"):
    """Who looked."""

    user: str
    role: str


class Loss(Entry, tag="loss"):
    """The router was away; the next try was so many seconds off."""

    cause: str
    retry_in_s: float


class Refusal(Entry, tag="refusal"):
    """The router refused the credential."""

    cause: str
    expired: bool


class Past(Entry, tag="past"):
    """What was before the console began."""

    upto_id: str
    events: Raw


class Points(Entry, tag="history"):
    """The router's own last ten points of a node."""

    node_id: str
    points: Raw


class Alerts(Entry, tag="alerts"):
    """The list of alerts, those that are over among them."""

    alerts: Raw


class Note(Entry, tag="note"):
    """An event of the console's own."""

    kind: str
    cause: str
    subject: str


class End(Entry, tag="end"):
    """The recording ended in order. reason: why before the console did, "" where it did not."""

    reason: str


AnyEntry = Router | Told | Polled | Caller | Loss | Refusal | Past | Points | Alerts | Note | End
ENTRY: Decoder[AnyEntry] = Decoder(AnyEntry)


class Recorder:
    """Writes one recording. trouble: why it ended early, "" while it goes on.

    now_s: monotonic.  A token that was named to ``hide`` never reaches the file, whoever sends it back.
    """

    def __init__(
        self,
        path: Path,
        *,
        now_s: Callable[[], float],
        now_unix_s: Callable[[], float],
        limit: int = MAX_RECORDED_BYTES,
    ) -> None:
        self.path = path
        self.trouble = ""
        self.written = 0
        self.at_s = 0.0
        self._limit = limit
        self._now_s = now_s
        self._now_unix_s = now_unix_s
        self._secrets: set[bytes] = set()
        self._began_at_s = now_s()
        self._flushed_at_s = 0.0
        self._file = _create(path)
        header = Header(FORMAT, VERSION, rfc3339(now_unix_s()), __version__)
        self._put(encode(header) + b"\n")

    def hide(self, token: str | None) -> None:
        """Keep a credential out of the file."""
        if token:
            self._secrets.add(token.encode("utf-8", "ignore"))

    # What happens

    def router(self, identity: Identity, interval_s: float) -> None:
        self._add(Router(self._at(), identity.url, identity.context, self._now_unix_s(), interval_s))

    def event(self, kind: str, data: object, id: str, *, now_s: float | None = None) -> None:
        """now_s: when it came, where that was before now."""
        if type(data) is FedSnapshot and len(data.nodes) > MAX_NODES:
            data = replace(data, nodes=data.nodes[:MAX_NODES])
        self._add_data(data, lambda raw: Told(self._at(now_s), id, kind, raw))

    def poll(self, snapshot: object) -> None:
        given = fields(snapshot)
        nodes = [_only(NodeFields, node) for node in rows(given.get("nodes"))[:MAX_NODES]]
        self._add_data({**_only(FedSnapshot, given), "nodes": nodes}, lambda raw: Polled(self._at(), raw))

    def caller(self, user: str, role: str) -> None:
        self._add(Caller(self._at(), user, role))

    def loss(self, cause: str, retry_in_s: float) -> None:
        self._add(Loss(self._at(), cause, retry_in_s))

    def refusal(self, cause: str, *, expired: bool) -> None:
        self._add(Refusal(self._at(), cause, expired))

    def past(self, events: object, upto_id: str) -> None:
        self._add_data(events, lambda raw: Past(self._at(), upto_id, raw))

    def history(self, node_id: str, points: object) -> None:
        self._add_data(points, lambda raw: Points(self._at(), node_id, raw))

    def alerts(self, alerts: object) -> None:
        self._add_data(alerts, lambda raw: Alerts(self._at(), raw))

    def note(self, kind: str, cause: str, subject: str) -> None:
        self._add(Note(self._at(), kind, cause, subject))

    def close(self) -> None:
        """Write the end and close the file; more than once is no harm."""
        if self._file.closed:
            return
        self._add(End(self._at(), ""))
        self._shut()

    # How it is written

    def _at(self, now_s: float | None = None) -> float:
        at_s = round((self._now_s() if now_s is None else now_s) - self._began_at_s, 6)
        self.at_s = max(self.at_s, at_s)
        return self.at_s

    def _add_data(self, data: object, entry: Callable[[Raw], AnyEntry]) -> None:
        if not self._file.closed:
            raw = _raw(data)
            if raw is not None:
                self._add(entry(raw))

    def _add(self, entry: AnyEntry) -> None:
        if self._file.closed:
            return
        # What a router broke into lines is one line here.
        text = _encoded(entry).replace(b"\n", b" ").replace(b"\r", b" ")
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, b"[hidden]")
        if len(text) > MAX_LINE_BYTES or not _is_readable(text):
            return  # no router of ours sends that, and one message of a stranger's must not end the recording
        if self.written + len(text) > self._limit:
            self._end(f"the recording has reached its {self._limit >> 20} MiB")
        else:
            self._put(text + b"\n")

    def _put(self, text: bytes) -> None:
        try:
            self._file.write(text)
            self.written += len(text)
            if self.at_s - self._flushed_at_s >= FLUSH_EVERY_S:
                self._flushed_at_s = self.at_s
                self._file.flush()
        except OSError as error:
            self._stop(f"cannot write {self.path}: {error.strerror or error}")

    def _end(self, reason: str) -> None:
        """Say in the file that it is not whole."""
        self._put(encode(End(self.at_s, reason)) + b"\n")
        self._stop(reason)

    def _stop(self, reason: str) -> None:
        self.trouble = self.trouble or reason
        self._shut()

    def _shut(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.trouble = self.trouble or f"cannot write {self.path}: {error.strerror or error}"


def _create(path: Path) -> BufferedWriter:
    """A new file that only its owner reads. Raises ConfigurationError; what exists is never overwritten."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} exists already; choose another name for the recording") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error
    return os.fdopen(descriptor, "wb")


def _only(kind: type[Struct], given: Fields) -> dict[str, object]:
    """What the console looks at."""
    return {name: given[name] for name in kind.__struct_fields__ if name in given}


def _raw(data: object) -> Raw | None:
    """The data as JSON; None for what is nested deeper than it can be read again."""
    try:
        return Raw(encode(data))
    except RecursionError:
        return None
    except ValueError:
        # Half a character or NaN, which only the standard library reads, and which is never shown.
        text = json.dumps(data, ensure_ascii=False).encode("utf-8", "ignore")
        return Raw(encode(json.loads(text, parse_constant=_nothing)))


def _encoded(entry: AnyEntry) -> bytes:
    try:
        return encode(entry)
    except ValueError:
        # Half a character in a text of its own.
        texts = {name: value for name in entry.__struct_fields__ if isinstance(value := getattr(entry, name), str)}
        return encode(replace(entry, **{name: text.encode("utf-8", "ignore").decode() for name, text in texts.items()}))


def _nothing(name: str) -> None:
    """For NaN and the infinite."""


def _is_readable(text: bytes) -> bool:
    try:
        ENTRY.decode(text)
    except (ValueError, RecursionError):
        return False
    return True
