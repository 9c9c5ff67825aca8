"""The work that a node has been given and has not done: three events, no polling.

A request enters when it is dispatched, is read when its first token comes, and leaves at its end. Engines read prompts
one after the other, so what a new one waits for is the sum of those before it, less what the first of them has had.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from llmlb.core.choice import Candidate
from llmlb.core.node import NodeId
from llmlb.policies.adaptive.lane import FEW_SAMPLES, NEVER_S, Lane

if TYPE_CHECKING:
    from llmlb.policies.adaptive.index import Visit

LATE_S = 0.2
"""A prompt that took twice its time and this much more was held up by something else than its length."""
ROOM_WEIGHT = 0.5
ROOM_GROWTH = 0.4
MAX_PROOFS = 100
PENALTY_S = 1.0
MAX_FAILURES = 4
PENALTY_FADE_S = 10.0
"""A failed request costs its node a second, a streak up to eight; the penalty fades within ten."""


class Entry:
    """One request on one node.

    tokens: of the prompt, those that the node has to read.  matched_tokens: those that it is taken to hold already.
    read_s: how long it was read, counted from when nothing was before it.  was_crowded: the node had no room for it
    when it came, so that its times say little about speed.
    """

    __slots__ = (
        "batch_seconds",
        "dispatched_at_s",
        "is_cold",
        "is_read",
        "is_streaming",
        "lane",
        "matched_tokens",
        "read_at_s",
        "read_s",
        "tokens",
        "visit",
        "waited_s",
        "was_crowded",
    )

    def __init__(
        self,
        lane: Lane,
        *,
        tokens: int,
        matched_tokens: int,
        is_streaming: bool,
        visit: Visit[NodeWork] | None,
        now_s: float,
    ) -> None:
        self.lane = lane
        self.tokens = tokens
        self.matched_tokens = matched_tokens
        self.is_streaming = is_streaming
        self.is_cold = lane.needs_load
        self.visit = visit
        self.dispatched_at_s = now_s
        self.waited_s = 0.0
        self.was_crowded = False
        self.is_read = False
        self.read_at_s = now_s
        self.read_s = 0.0
        self.batch_seconds = 0.0

    @property
    def expected_read_s(self) -> float:
        """The load of its model included, if it is the one that waits for it."""
        return self.lane.prefill.at(self.tokens) + (self.lane.expected_load_s if self.is_cold else 0.0)


class NodeWork:
    """The ledger of one node.

    lanes: by model.  waiting: requests whose first token has not come, in the order in which they were sent.
    room: how many requests it was seen to work on at once when others had to wait; infinite until that happens.
    head_due_at_s: when the first of those should have been read.  behind_s: how long the others will take then; both
    mean something only while somebody waits.
    turn: grows with each dispatch of the policy; the lower, the longer it was not chosen.
    quoting: lanes whose quote may hold; everything that happens here ends that.
    """

    __slots__ = (
        "_batch_at_s",
        "_batch_seconds",
        "_failed_at_s",
        "_head_started_at_s",
        "_room_proofs",
        "_waiting_lanes",
        "behind_s",
        "failures",
        "head_due_at_s",
        "id",
        "in_flight",
        "lanes",
        "node",
        "quoting",
        "room",
        "turn",
        "waiting",
    )

    def __init__(self, node_id: NodeId, turn: int) -> None:
        self.id = node_id
        self.node: Candidate | None = None
        """Its row when it was last a candidate."""
        self.turn = turn
        self.lanes: dict[str, Lane] = {}
        self.waiting: dict[Entry, None] = {}
        self._waiting_lanes: dict[Lane, None] = {}
        self.quoting: dict[Lane, None] = {}
        self.in_flight = 0
        self.room = math.inf
        self._room_proofs = 1
        self.failures = 0
        self._failed_at_s = 0.0
        self._head_started_at_s = 0.0
        self.head_due_at_s = 0.0
        self.behind_s = 0.0
        self._batch_seconds = 0.0
        self._batch_at_s = 0.0

    # What a new request would meet

    def wait_s(self, now_s: float) -> float:
        """Until a prompt that came now would be read from, seconds. O(1).

        A first token that is overdue counts against the node by as much as it is late: a stalled, swamped or loading
        engine shows itself in no other way.
        """
        if not self.waiting:
            return 0.0
        if now_s >= self.head_due_at_s and not next(iter(self.waiting)).is_streaming:
            self._assume_read(now_s)
            if not self.waiting:
                return 0.0
        return self.behind_s + abs(self.head_due_at_s - now_s)

    def full_s(self, answer_s: float) -> float:
        """Until there is room for one more, seconds. answer_s: how long one answer takes at the present batch."""
        surplus = self.in_flight + 1 - self.room
        return surplus * answer_s / max(1.0, self.room) if surplus > 0 else 0.0

    def penalty_s(self, now_s: float) -> float:
        """What its latest failures count, seconds."""
        left = 1.0 - (now_s - self._failed_at_s) / PENALTY_FADE_S
        if left <= 0.0:
            self.failures = 0
        return left * PENALTY_S * 2.0 ** (self.failures - 1) if self.failures else 0.0

    # The three events

    def enter(self, entry: Entry, now_s: float) -> None:
        """A request was dispatched to the node."""
        self._pass(now_s)
        entry.waited_s = self.wait_s(now_s)
        entry.was_crowded = self.in_flight + 1 > self.room
        self.in_flight += 1
        if not self.waiting:
            self._head_started_at_s = now_s
        self.waiting[entry] = None
        lane = entry.lane
        lane.in_flight += 1
        self._waiting_lanes[lane] = None
        lane.waiting_count += 1
        lane.waiting_tokens += entry.tokens
        lane.loads += entry.is_cold
        self._weigh()

    def read(self, entry: Entry, now_s: float) -> None:
        """Its first token came."""
        self._pass(now_s)
        expected_s = entry.expected_read_s
        self._take(entry, now_s)
        self._weigh()
        self._measure_room(entry, expected_s)

    def leave(self, entry: Entry, now_s: float) -> float:
        """It ended. Returns how many others were on the node since its first token, on average."""
        self._pass(now_s)
        if not entry.is_read:
            self._take(entry, now_s)
            self._weigh()
        self.in_flight -= 1
        entry.lane.in_flight -= 1
        seconds = now_s - entry.read_at_s
        return max(0.0, (self._batch_seconds - entry.batch_seconds) / seconds - 1.0) if seconds > 0.0 else 0.0

    def failed(self, now_s: float) -> None:
        self._requote()
        self.failures = min(self.failures + 1, MAX_FAILURES)
        self._failed_at_s = now_s

    def _take(self, entry: Entry, now_s: float) -> None:
        entry.is_read = True
        entry.read_at_s = now_s
        entry.read_s = now_s - max(self._head_started_at_s, entry.dispatched_at_s)
        entry.batch_seconds = self._batch_seconds
        del self.waiting[entry]
        self._head_started_at_s = now_s
        lane = entry.lane
        lane.waiting_count -= 1
        lane.waiting_tokens -= entry.tokens
        lane.loads -= entry.is_cold
        if not lane.waiting_count:
            del self._waiting_lanes[lane]

    def _assume_read(self, now_s: float) -> None:
        """Answers that come whole show no first token: their prompt counts as read when it should have been."""
        self._pass(now_s)
        while self.waiting:
            head = next(iter(self.waiting))
            due_at_s = self._head_started_at_s + head.expected_read_s
            if head.is_streaming or due_at_s > now_s:
                break
            self._take(head, due_at_s)
        self._weigh()

    def _measure_room(self, entry: Entry, expected_s: float) -> None:
        """Read much later than expected: so many were running when it got its turn. In time: there is room for them.

        While reads at the limit are in time it is raised a little, less and less the more often it was confirmed.
        """
        running = self.in_flight - len(self.waiting)
        if entry.read_s > 2 * expected_s + LATE_S:
            if entry.lane.samples < FEW_SAMPLES:
                return
            confirms = running >= self.room - 1
            self._room_proofs = min(self._room_proofs + 1, MAX_PROOFS) if confirms else 1
            self.room = running if self.room == math.inf else self.room + ROOM_WEIGHT * (running - self.room)
        elif running > self.room:
            self.room = running
        elif running >= self.room - 1:
            self.room += ROOM_GROWTH / self._room_proofs**1.5

    def _weigh(self) -> None:
        """Keep what ``wait_s`` needs: when the first should be read, and how long the others will take then."""
        if not self.waiting:
            return
        total_s = 0.0
        for lane in self._waiting_lanes:
            total_s += lane.waiting_count * lane.prefill.base + lane.waiting_tokens * lane.prefill.slope
            if lane.loads:
                total_s += lane.loads * lane.expected_load_s
        head_s = next(iter(self.waiting)).expected_read_s
        self.head_due_at_s = self._head_started_at_s + head_s
        self.behind_s = max(0.0, total_s - head_s)

    def _pass(self, now_s: float) -> None:
        """Before anything changes."""
        self._requote()
        self._batch_seconds += self.in_flight * (now_s - self._batch_at_s)
        self._batch_at_s = now_s

    def _requote(self) -> None:
        for lane in self.quoting:
            lane.quoted_until_s = NEVER_S
        self.quoting.clear()
