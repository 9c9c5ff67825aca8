"""The process that holds the gates against a running load test for a program: frames on stdin, JSON lines on stdout.

It is started by ``viewer`` for the stream of ``-o ndjson``, which the generator writes itself: judging thousands of
requests again and again must not cost the generator's time.
"""

from __future__ import annotations

import json
import sys
from typing import BinaryIO

from llmlb.loadtest.drawing import Judge, announce, looks
from llmlb.loadtest.frames import Opening
from llmlb.loadtest.stream import gates_line
from llmlb.loadtest.tally import Progress


def judge(stdin: int, stdout: BinaryIO) -> None:
    """Writes how the gates stand whenever that has changed, until the other end is closed."""
    heard = looks(stdin)
    opening = next(heard, None)
    if not isinstance(opening, Opening):
        return
    judge, said = Judge(opening), b""
    for progress in heard:
        if not isinstance(progress, Progress):
            continue
        judge.hear(progress)
        line = json.dumps(gates_line(judge.verdicts(progress)), ensure_ascii=False, allow_nan=False).encode() + b"\n"
        if line != said:
            said = line
            stdout.write(line)
            stdout.flush()


def main() -> None:
    """Announces itself, then judges."""
    announce()
    try:
        judge(sys.stdin.fileno(), sys.stdout.buffer)
    except OSError:
        return  # the generator is gone


if __name__ == "__main__":
    main()
