"""What the load generator tells the process that draws: one opening, then one look after the other.

A frame is four bytes of length and MessagePack; encoding a request in it costs a few microseconds.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import msgspec

from llmlb.loadtest.evidence import Yardstick
from llmlb.loadtest.plan import Plan, describe
from llmlb.loadtest.tally import Progress

_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Opening:
    """What is about to run, and what it will be held against. gates: as they were typed."""

    target: str
    load: str
    gates: tuple[str, ...]
    yardstick: Yardstick

    @staticmethod
    def of(plan: Plan, target: str) -> Opening:
        return Opening(target, describe(plan.load), tuple(gate.text for gate in plan.gates), Yardstick.of(plan))


class FrameReader:
    """Cuts what comes through the pipe into the opening and the looks."""

    def __init__(self) -> None:
        self._rest = b""
        self._opening = msgspec.msgpack.Decoder(Opening)
        self._progress = msgspec.msgpack.Decoder(Progress, dec_hook=_decoded)
        self._is_open = False

    def feed(self, data: bytes) -> list[Opening | Progress]:
        """The frames that are now complete. Raises msgspec.MsgspecError for anything else."""
        self._rest += data
        found: list[Opening | Progress] = []
        while len(self._rest) >= _LENGTH_BYTES:
            end = _LENGTH_BYTES + int.from_bytes(self._rest[:_LENGTH_BYTES])
            if len(self._rest) < end:
                break
            body, self._rest = self._rest[_LENGTH_BYTES:end], self._rest[end:]
            found.append(self._progress.decode(body) if self._is_open else self._opening.decode(body))
            self._is_open = True
        return found


def frame(value: Opening | Progress) -> bytes:
    """One frame."""
    body = _ENCODER.encode(value)
    return len(body).to_bytes(_LENGTH_BYTES) + body


def _encoded(value: object) -> bytes:
    if isinstance(value, array):
        return value.tobytes()
    raise TypeError(f"{type(value).__name__} has no place in a frame")


def _decoded(kind: type, value: object) -> object:
    if kind is array and isinstance(value, bytes):
        gaps = array("d")
        gaps.frombytes(value)
        return gaps
    raise TypeError(f"{kind.__name__} has no place in a frame")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encoded)
