"""One client request and its response, from the parsed head to the last byte.

    received ─▶ [queued] ─▶ dialling ─▶ waiting ─▶ relaying ─▶ done
                   ▲                       │
                   └── another node ◀──────┘   only before the commit point

The commit point is the first content event, the finish, or a whole answer. What comes before it is held, so a node that
says 200 and dies costs the client nothing. After it nothing is repeated: a broken stream ends with an error event and
an unclean close, because the official SDKs take a clean end for a complete answer.
"""

from __future__ import annotations

from asyncio import Task
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from llmlb.auth.principals import ApiKey
from llmlb.clock import monotonic_s, unix_s
from llmlb.core.admission import RefusalKind, Ticket
from llmlb.core.balancer import Queued, Refused
from llmlb.core.choice import Endpoint, InferenceRequest, Policy
from llmlb.core.lease import Lease
from llmlb.core.node import NodeId, canonical_model
from llmlb.core.outcome import Outcome, OutcomeKind, Usage
from llmlb.core.record import AttemptRecord, ExchangeOutcome, ExchangeRecord, Phase
from llmlb.core.retry import Attempt, may_retry
from llmlb.errors import Fault, NodeMisbehaved, NodeTimeout, NodeUnreachable, ProxyError
from llmlb.proxy import replies
from llmlb.proxy.answer import answer_head, retry_after_s
from llmlb.proxy.peek import BadBody, check_spelling, peek, with_model
from llmlb.proxy.prompt import prompt_of
from llmlb.proxy.replies import Reply
from llmlb.proxy.timeouts import AnswerTimeouts
from llmlb.proxy.upstream import AnswerHead, UpstreamConnection, chunk
from llmlb.proxy.watch import StreamWatch, Verdict, read_answer

if TYPE_CHECKING:
    from llmlb.proxy.plane import DataPlane
    from llmlb.proxy.template import RequestTemplate

NEVER = float("inf")
_COLON = ord(":")


class Client(Protocol):
    """Who asked: a socket of our own protocol class, or an ASGI server's connection."""

    @property
    def address(self) -> str: ...
    @property
    def keeps_alive(self) -> bool:
        """Whether the connection will be used again after this response."""

    def write(self, data: bytes) -> None:
        """Bytes of the HTTP/1.1 response, framing included."""

    def end(self) -> None:
        """The response is complete."""

    def break_off(self) -> None:
        """Close without the end mark that the framing calls for, after what was written has been sent."""


class Stage(Enum):
    RECEIVED = auto()
    QUEUED = auto()
    DIALLING = auto()
    WAITING = auto()
    RELAYING = auto()
    DONE = auto()


_PHASES = {
    Stage.RECEIVED: Phase.QUEUED,
    Stage.QUEUED: Phase.QUEUED,
    Stage.DIALLING: Phase.CONNECTING,
    Stage.WAITING: Phase.WAITING,
    Stage.RELAYING: Phase.STREAMING,
}


_RECEIVED, _DIALLING, _WAITING, _RELAYING, _DONE = (
    Stage.RECEIVED,
    Stage.DIALLING,
    Stage.WAITING,
    Stage.RELAYING,
    Stage.DONE,
)
_ANSWERED, _COMPLETED, _FAILURE = OutcomeKind.ANSWERED, ExchangeOutcome.ANSWERED, Verdict.FAILURE
"""Looking up a member of an enumeration takes longer than the comparison."""


class Exchange:
    """Created by the protocol for each data-plane request; calls back to its client exactly once at its end."""

    # Most requests need few of these: setting them all for each would cost more than choosing the node. Those that each
    # request reads are set all the same, because the interpreter finds an instance's own attributes faster. Likewise
    # functions that are attributes get a name before they are called.
    deadline_at_s = NEVER
    lease: Lease | None = None
    _rests_s: tuple[float, ...] = ()
    _ticket: Ticket | None = None
    _dial: Task[None] | None = None
    _connection: UpstreamConnection | None = None
    _head: AnswerHead | None = None
    _usage: Usage | None = None
    _held: list[bytes]
    _parts: list[bytes]
    _held_bytes = 0
    _is_clean = False
    _queued = False
    _redialled = False
    _dispatched_at_s = 0.0
    _last_data_at_s = 0.0
    _paused_at_s = NEVER
    _request: InferenceRequest
    _timeouts: AnswerTimeouts

    def __init__(self, plane: DataPlane, client: Client, template: RequestTemplate, key: ApiKey, body: bytes) -> None:
        self._plane = plane
        self._client = client
        self._template = template
        self._key = key
        self._body = body
        self._policy: Policy | None = None
        self._attempts: tuple[Attempt, ...] = ()
        self._watch: StreamWatch | None = None
        self._denies_model = False
        self._is_admitted = False
        self._relayed_bytes = 0
        self._stage = _RECEIVED
        self._received_at_s = monotonic_s()
        address = client.address
        if template.forwarded_for:
            address = plane.client_of(address, template.forwarded_for)
        request_id = plane.request_id
        self.record = ExchangeRecord(
            id=request_id(),
            at_unix_s=unix_s(),
            endpoint=template.path,
            key_id=key.id,
            key_name=key.name,
            client_request_id=template.client_request_id,
            address=address,
            bytes_in=len(body),
        )
        if plane.rules.recorded_bytes:
            self.record.prompt = body[: plane.rules.recorded_bytes]

    @property
    def is_committed(self) -> bool:
        """Whether the client has been sent anything: then nothing can be tried again."""
        return self._stage is _RELAYING

    # From the client

    def start(self) -> None:
        """Read the body, check what the key may do, and find a node."""
        plane = self._plane
        plane.exchanges.add(self)
        if plane.is_draining:
            self._reply(replies.ROUTER_DRAINING)
            return
        key = self._key
        try:
            wanted = peek(self._body)
            if key.models is not None:
                check_spelling(self._body)
        except BadBody as error:
            self._reply(replies.bad_body(error.message, error.param))
            return
        model, alias_target = plane.balancer.resolve(wanted.model)
        self.record.model = model
        self.record.stream = wanted.stream
        timeouts = plane.timeouts
        self._timeouts = timeouts.usual if timeouts.of_model is None else timeouts.of_model(model)
        if key.models is not None and not plane.gatekeeper.may_use_model(key, wanted.model):
            self._reply(replies.model_forbidden(wanted.model))
            return
        if key.is_limited:
            denial = plane.gatekeeper.admit(key, self._received_at_s)
            if denial is not None:
                self._reply(replies.denied(denial))
                return
            self._is_admitted = True
        if alias_target is not None:
            self._body = with_model(self._body, alias_target)
        template = self._template
        reads_prompts = plane.balancer.reads_prompts
        if template.policy and key.is_admin:
            self._policy = plane.policy_named(template.policy)
            if self._policy is not None:
                reads_prompts = self._policy.reads_prompts
        self._request = InferenceRequest(
            model,
            template.endpoint,
            wanted.stream,
            len(self._body),
            wanted.max_tokens,
            key.id,
            NodeId(template.pin) if template.pin and key.is_admin else None,
            (),
            prompt_of(self._body, template.endpoint) if reads_prompts else None,
            plane.objective_for(model, key.name) if plane.objective_for is not None else None,
        )
        plane.budget.requests += 1
        self._place()

    def client_gone(self) -> None:
        """The client hung up. That is never the node's fault."""
        if self._stage is _DONE:
            return
        self.record.cancelled_phase = _PHASES[self._stage]
        self._let_go()
        self._settle(OutcomeKind.CANCELLED, Fault.CLIENT, "")
        self._finish(ExchangeOutcome.CANCELLED, 499)

    def client_paused(self) -> None:
        """The client reads slowly: its node has to wait, nobody else."""
        self._paused_at_s = monotonic_s()
        if self._connection is not None:
            self._connection.pause()

    def client_resumed(self) -> None:
        """It has taken what waited for it."""
        if self._paused_at_s == NEVER:
            return
        self._paused_at_s = NEVER
        self._last_data_at_s = monotonic_s()
        if self._connection is not None:
            self._connection.resume()

    # From the balancer

    def granted(self, lease: Lease) -> None:
        """The ticket's turn has come."""
        self._ticket = None
        self.record.queue_s += lease.queue_s
        self._dispatch(lease)

    def refused(self, kind: RefusalKind, retry_after_s: float | None = None) -> None:
        """Nobody can take it, or nobody could in time."""
        model, plane = self._request.model, self._plane
        self._leave_queue()
        self.record.lineup = plane.balancer.fleet.lineup(model)
        match kind:
            case RefusalKind.MODEL_NOT_FOUND:
                self._reply(replies.model_not_found(model))
            case RefusalKind.QUEUE_FULL:
                self._reply(replies.queue_full(model, plane.retry_after_s()))
            case RefusalKind.QUEUE_TIMEOUT:
                self._reply(replies.queue_timeout(model, plane.retry_after_s()))
            case RefusalKind.NODE_NOT_AVAILABLE:
                self._reply(replies.pinned_node_unavailable(self._request.pinned or ""))
            case RefusalKind.NO_NODE_AVAILABLE:
                self._reply(replies.no_node_available(model, plane.retry_after_s()))
            case RefusalKind.OBJECTIVE_OUT_OF_REACH:
                self._reply(replies.objective_out_of_reach(model, max(1, round(retry_after_s or 0))))

    # From the pool

    def connected(self, connection: UpstreamConnection) -> None:
        self._dial = None
        self._send(connection)

    def unreachable(self, error: NodeUnreachable) -> None:
        self._dial = None
        # A redialled request had been sent once, and the node may have died of it.
        attempt = Attempt.MAYBE_EXECUTED if self._redialled else Attempt.NOT_SENT
        self._attempt_failed(attempt, OutcomeKind.UNREACHABLE, error.message)

    # From the node

    def head_received(self, head: AnswerHead) -> None:
        self._head = head
        self._held = []
        self._parts = []
        self._held_bytes = 0
        is_stream = head.is_event_stream and head.status < 300
        self._watch = StreamWatch(self._request.endpoint) if is_stream else None

    def whole_received(self, head: AnswerHead, body: bytes) -> None:
        """The most usual of answers: all of it at once."""
        if head.status != 200 or head.is_event_stream:
            self.head_received(head)
            self.body_received(body, [body], is_last=True)
            return
        record = self.record
        if record.prompt is not None:
            self._record_answer([body])
        usage, flaw = read_answer(body)
        if flaw:
            self._attempt_failed(Attempt.MAYBE_EXECUTED, OutcomeKind.FAILED, flaw)
            return
        self._head = head
        self._stage = _RELAYING
        self._take_usage(usage)
        record.status = 200
        client = self._client
        answer = answer_head(head, record, len(self._attempts) + 1, client.keeps_alive) + body
        record.bytes_out = len(answer)
        write = client.write
        write(answer)
        self._complete()

    def chunk_received(self, raw: bytes, part: bytes) -> None:
        """The most usual part of a stream."""
        record, watch = self.record, self._watch
        if watch is None or self._stage is not _RELAYING or record.prompt is not None:
            self.body_received(raw, [part], is_last=False)
            return
        self._relayed_bytes += len(raw)
        if watch.feed(part) is _FAILURE:
            self._cut_at_failure(watch, [part], part)
            return
        if part[0] != _COLON:
            # Comments keep a connection open, not a stream alive: only data shows that the engine still works.
            self._last_data_at_s = monotonic_s()
        self._client.write(raw)
        self._is_clean = not watch.partial

    def body_received(self, raw: bytes, parts: list[bytes], *, is_last: bool) -> None:
        if self.record.prompt is not None:
            self._record_answer(parts)
        if self._stage is _RELAYING:
            self._relayed_bytes += len(raw)
            if self._watch is not None:
                self._relay(raw, parts, self._watch, is_last=is_last)
                return
            self._client.write(raw)
            self._last_data_at_s = monotonic_s()
            if is_last:
                self._complete()
            return
        head = self._head
        assert head is not None
        self._held.append(raw)
        self._held_bytes += len(raw)
        if self._watch is not None:
            self._hold_stream(self._watch, parts, is_last=is_last)
            return
        self._parts += parts
        limit = self._plane.rules.limits.held_answer_bytes
        if not 200 <= head.status < 300:
            if is_last or self._held_bytes > limit:
                self._judge_status(head, is_whole=is_last)
        elif is_last:
            usage, flaw = read_answer(b"".join(self._parts))
            if flaw:
                self._attempt_failed(Attempt.MAYBE_EXECUTED, OutcomeKind.FAILED, flaw)
                return
            self._take_usage(usage)
            self._commit()
            self._complete()
        elif self._held_bytes > limit:
            self._commit()

    def _record_answer(self, parts: list[bytes]) -> None:
        so_far = self.record.answer or b""
        self.record.answer = b"".join([so_far, *parts])[: self._plane.rules.recorded_bytes]

    def node_lost(self, error: ProxyError) -> None:
        connection, self._connection = self._connection, None
        if self._stage is _RELAYING:
            self._break(error.message, aligned=self._is_clean)
        elif (
            connection is not None
            and connection.is_reused
            and not connection.answer_began
            and not self._redialled
            and not isinstance(error, NodeMisbehaved)
        ):
            # The node closed an idle connection as we reached for it: that says nothing about the request.
            self._redialled = True
            self._stage = _DIALLING
            self.deadline_at_s = NEVER
            self._dial = connection.pool.dial(self)
        else:
            self._attempt_failed(Attempt.MAYBE_EXECUTED, OutcomeKind.FAILED, error.message)

    # From the sweeper

    def overdue(self, now_s: float) -> None:
        """The deadline looks due: see which one it was, or move it."""
        if self._stage is _WAITING:
            self._let_go()
            waited_s = now_s - self._dispatched_at_s
            error = NodeTimeout(f"nothing usable came from the node within {waited_s:.0f} s")
            self._attempt_failed(Attempt.MAYBE_EXECUTED, OutcomeKind.FAILED, error.message, timed_out=True)
        elif self._stage is _RELAYING:
            self._enforce_stream_limits(now_s)

    def _enforce_stream_limits(self, now_s: float) -> None:
        timeouts = self._timeouts
        total_s = timeouts.stream_total_s if self._watch is not None else timeouts.answer_s
        if now_s - self._dispatched_at_s >= total_s:
            self._cut(f"it took longer than {total_s:g} s")
        elif self._paused_at_s == NEVER and now_s - self._last_data_at_s >= timeouts.stream_idle_s:
            self._cut(f"no data for {timeouts.stream_idle_s:g} s")
        else:
            self._set_stream_deadline(now_s)

    def cut_off(self, message: str) -> None:
        """The router stops: end what is still running."""
        if self._stage is _RELAYING:
            self._cut(message, fault=Fault.ROUTER)
        elif self._stage is not _DONE:
            self._let_go()
            self._settle(OutcomeKind.CANCELLED, Fault.ROUTER, message)
            self._reply(replies.ROUTER_DRAINING)

    def crashed(self) -> None:
        """Something of ours went wrong with it: the client is told, and no node is blamed."""
        if self._stage is _RELAYING:
            self._cut("the router failed", fault=Fault.ROUTER)
        elif self._stage is not _DONE:
            self._let_go()
            self._settle(OutcomeKind.CANCELLED, Fault.ROUTER, "the router failed")
            self._reply(replies.INTERNAL_ERROR)

    # Finding a node

    def _place(self) -> None:
        offer = self._plane.offer(self._request, self, self._policy)
        if isinstance(offer, Lease):
            self._dispatch(offer)
            return
        match offer:
            case Queued(ticket):
                self._ticket = ticket
                self._queued = True
                self._stage = Stage.QUEUED
                self.record.queue_position = ticket.position
                self.record.lineup = self._plane.balancer.fleet.lineup(self._request.model)
            case Refused(kind, retry_after_s):
                self.refused(kind, retry_after_s)

    def _dispatch(self, lease: Lease) -> None:
        self.lease = lease
        self._dispatched_at_s = lease.dispatched_at_s
        self._stage = _DIALLING
        self._redialled = False
        record = self.record
        record.node_id = lease.node.id
        record.reason = lease.reason._value_
        record.costs = lease.costs
        record.lineup = lease.lineup
        pool = self._plane.upstreams.pool(lease.node)
        if pool is None:
            self._attempt_failed(Attempt.NOT_SENT, OutcomeKind.UNREACHABLE, "the node's address is not known")
            return
        connection = pool.take(lease.dispatched_at_s)
        if connection is not None:
            self._send(connection)
        else:
            self._dial = pool.dial(self)

    def _send(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        self._stage = _WAITING
        now_s = monotonic_s()
        timeouts = self._timeouts
        if self._request.stream:
            self.deadline_at_s = now_s + timeouts.first_byte_within_s(len(self._body), is_cold=self._is_cold())
        else:
            self.deadline_at_s = now_s + timeouts.answer_s
        record = self.record
        if not self._attempts:
            record.overhead_s = now_s - self._received_at_s - record.queue_s
        else:
            record.answer = None
        pool = connection.pool
        request = self._template.render(pool.prefix, pool.fixed_head, self._body)
        connection.send(self, request, self._plane.writes)

    def _is_cold(self) -> bool:
        """Whether the node has to load the model first, as far as it told."""
        lease = self.lease
        if lease is None or lease.node.loaded is None:
            return False
        return all(canonical_model(name) != self._request.model for name in lease.node.loaded)

    # Before the commit point

    def _hold_stream(self, watch: StreamWatch, parts: list[bytes], *, is_last: bool) -> None:
        has_content = False
        for part in parts:
            match watch.feed(part):
                case Verdict.FAILURE:
                    self._attempt_failed(Attempt.MAYBE_EXECUTED, OutcomeKind.FAILED, watch.failure)
                    return
                case Verdict.CONTENT:
                    has_content = True
                case Verdict.QUIET:
                    pass
        if is_last and not watch.is_complete:
            cause = "the stream ended before it was complete"
            self._attempt_failed(Attempt.MAYBE_EXECUTED, OutcomeKind.FAILED, cause)
            return
        if has_content or is_last or self._held_bytes > self._plane.rules.limits.held_stream_bytes:
            self._commit()
            if is_last:
                self._complete()

    def _judge_status(self, head: AnswerHead, *, is_whole: bool) -> None:
        """An answer other than 2xx: the client's affair, or a reason to try elsewhere."""
        status = head.status
        cause = f"the node answered {status}"
        if status == 429 or (status == 503 and head.get(b"retry-after") is not None):
            rest_s = min(retry_after_s(head) or 1.0, self._plane.rules.retry.longest_rest_s)
            self._rests_s = (*self._rests_s, rest_s)
            attempt = Attempt.BUSY if status == 429 else Attempt.DECLINED
            self._attempt_failed(attempt, OutcomeKind.BUSY, cause, rest_s=rest_s, answer=head if is_whole else None)
        elif status in (503, 504):
            self._attempt_failed(Attempt.DECLINED, OutcomeKind.FAILED, cause, answer=head if is_whole else None)
        elif status in (500, 502) or status < 400:
            # A redirect is not followed: its target was never checked.
            answer = head if is_whole and status >= 500 else None
            self._attempt_failed(Attempt.MAYBE_EXECUTED, OutcomeKind.FAILED, cause, answer=answer)
        else:
            self._denies_model = status == 404 and self._is_about_the_model(b"".join(self._parts))
            self._commit()
            if is_whole:
                self._complete()

    def _is_about_the_model(self, answer: bytes) -> bool:
        """Whether a 404 denies a model that the node itself names so. It may mean the path too, or an earlier response.

        A name that only the client spells so, as with ``:latest`` put on, says nothing of what the node has: whoever
        asked for it three times would take the model from everybody.
        """
        lease, request = self.lease, self._request
        if lease is None or request.endpoint is Endpoint.RESPONSES:
            return False
        node, sent = lease.node, peek(self._body).model
        names = (request.model,) if node.serves_any else (*node.loaded_models, *node.available_models)
        return sent in names and sent.encode() in answer

    def _attempt_failed(
        self,
        attempt: Attempt,
        kind: OutcomeKind,
        cause: str,
        *,
        rest_s: float = 0.0,
        timed_out: bool = False,
        answer: AnswerHead | None = None,
    ) -> None:
        """One node could not do it: another one does, or the client is told."""
        held = b"".join(self._held) if answer is not None else b""
        lease = self.lease
        self._let_go()
        self._head = self._watch = None
        self._attempts = (*self._attempts, attempt)
        if lease is not None:
            seconds = monotonic_s() - self._dispatched_at_s
            status = answer.status if answer is not None else 0
            attempted = AttemptRecord(lease.node.id, lease.reason, cause, status, seconds)
            self.record.attempts = (*self.record.attempts, attempted)
            self._request = replace(self._request, tried=(*self._request.tried, lease.node.id))
        self._settle(kind, Fault.NODE, cause, rest_s=rest_s)
        if self._stage is _DONE or self._retry(attempt):
            return
        self.record.error = cause
        if all(failed is Attempt.NOT_SENT for failed in self._attempts):
            self._reply(replies.nodes_unreachable(self._request.model, self._plane.retry_after_s()))
        elif attempt is Attempt.BUSY:
            self._reply(replies.nodes_busy(self._request.model, max(1, round(min(self._rests_s)))))
        elif answer is not None:
            self._pass_on(answer, held, no_retry=attempt is Attempt.MAYBE_EXECUTED)
        elif timed_out:
            self._reply(replies.node_timed_out(cause))
        else:
            self._reply(replies.node_failed(cause))

    def _retry(self, attempt: Attempt) -> bool:
        """Whether another node has taken it, or it waits for one."""
        plane, request = self._plane, self._request
        if request.pinned is not None or plane.is_draining or not may_retry(plane.rules.retry, self._attempts):
            return False
        if attempt is not Attempt.NOT_SENT and not plane.budget.withdraw():
            return False
        offer = plane.offer(request, None, self._policy)
        if isinstance(offer, Lease):
            plane.metrics.retried(attempt)
            self._dispatch(offer)
            return True
        only_refusals = all(failed is Attempt.NOT_SENT for failed in self._attempts)
        if only_refusals and not self._queued:
            # Nothing was sent to anybody, so it may as well wait for a node that is just restarting.
            self._queued = True
            self._request = replace(request, tried=())
            self._place()
            return True
        return False

    # From the commit point on

    def _commit(self) -> None:
        head = self._head
        assert head is not None
        now_s = monotonic_s()
        self._stage = _RELAYING
        self._last_data_at_s = now_s
        self.record.status = head.status
        if self._watch is not None:
            # A whole answer has no first token: its time would only be the total under another name.
            self.record.ttft_s = now_s - self._received_at_s
            if self.lease is not None:
                self._plane.balancer.first_token(self.lease, now_s)
        # Nothing can be tried again, and prompts are large.
        self._body = b""
        held = self._held
        held.insert(
            0, answer_head(head, self.record, tries=len(self._attempts) + 1, keep_alive=self._client.keeps_alive)
        )
        self._held = []
        self._parts = []
        self._set_stream_deadline(now_s)
        answer = b"".join(held)
        self.record.bytes_out = len(answer)
        self._client.write(answer)
        self._note_boundary()
        if self._paused_at_s != NEVER and self._connection is not None:
            self._connection.pause()

    def _set_stream_deadline(self, now_s: float) -> None:
        """The next moment at which a limit could be hit; data that flows only moves it when it comes up."""
        timeouts = self._timeouts
        total_s = timeouts.stream_total_s if self._watch is not None else timeouts.answer_s
        self.deadline_at_s = min(
            self._dispatched_at_s + total_s,
            self._last_data_at_s + timeouts.stream_idle_s if self._paused_at_s == NEVER else NEVER,
            now_s + self._plane.rules.timeouts.write_stall_s,
        )

    def _note_boundary(self) -> None:
        connection, watch = self._connection, self._watch
        self._is_clean = (
            connection is not None and connection.at_chunk_boundary and watch is not None and not watch.partial
        )

    def _relay(self, raw: bytes, parts: list[bytes], watch: StreamWatch, *, is_last: bool) -> None:
        connection = self._connection
        assert connection is not None
        for part in parts:
            if watch.feed(part) is _FAILURE:
                self._cut_at_failure(watch, parts, part)
                return
        if parts and parts[0][:1] != b":":
            self._last_data_at_s = monotonic_s()  # as above
        if not is_last:
            self._client.write(raw)
            self._is_clean = connection.at_chunk_boundary and not watch.partial
        elif watch.is_complete:
            self._client.write(raw)
            self._complete()
        else:
            aligned = self._is_clean and not watch.partial
            if aligned:
                self._client.write(chunk(b"".join(parts)))
            self._cut("the stream ended before it was complete", aligned=aligned)

    def _cut_at_failure(self, watch: StreamWatch, parts: list[bytes], bad: bytes) -> None:
        """A part of this read holds an error: what came before it is still passed on, if it stands on its own."""
        sound = watch.sound_bytes
        index = next(index for index, part in enumerate(parts) if part is bad)
        aligned = self._is_clean if sound >= 0 or index == 0 else False
        if sound >= 0 and aligned:
            self._client.write(chunk(b"".join(parts[:index]) + bad[:sound]))
        self._cut(watch.failure, aligned=aligned and sound >= 0)

    def _cut(self, cause: str, *, aligned: bool | None = None, fault: Fault = Fault.NODE) -> None:
        """End a committed answer that cannot be completed, from our side."""
        clean = self._is_clean if aligned is None else aligned
        self._let_go()
        self._break(cause, aligned=clean, fault=fault)

    def _break(self, cause: str, *, aligned: bool, fault: Fault = Fault.NODE) -> None:
        self.record.error = cause
        if self._watch is not None:
            self._count_events(self._watch)
            if aligned:
                message = (
                    f"The node was lost while it answered: {cause}. The answer is incomplete; send the request again."
                )
                self._client.write(chunk(replies.error_event(self._request.endpoint, message)))
        kind = OutcomeKind.FAILED if fault is Fault.NODE else OutcomeKind.CANCELLED
        self._settle(kind, fault, cause)
        self._client.break_off()
        self._finish(ExchangeOutcome.FAILED, self.record.status)

    def _complete(self) -> None:
        """The node's answer is whole."""
        connection, self._connection = self._connection, None
        head = self._head
        assert connection is not None
        assert head is not None
        connection.release()
        if self._watch is not None:
            self._count_events(self._watch)
        is_success = 200 <= head.status < 300
        self._settle(_ANSWERED, None if is_success else Fault.CLIENT, "", 0.0, self._denies_model)
        end = self._client.end
        end()
        self._finish(_COMPLETED, head.status)

    # Endings

    def _leave_queue(self) -> None:
        """It waited in vain. What its failed attempts took was no waiting."""
        if self._ticket is not None:
            self.record.queue_s += monotonic_s() - self._ticket.queued_at_s
            self._ticket = None

    def _let_go(self) -> None:
        """Drop whatever is under way for this attempt: place in the queue, dial, connection."""
        self.deadline_at_s = NEVER
        if self._ticket is not None:
            self._plane.balancer.withdraw(self._ticket)
            self._leave_queue()
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            if connection.is_answered:
                connection.release()
            else:
                connection.abort()

    def _settle(
        self, kind: OutcomeKind, fault: Fault | None, error: str, rest_s: float = 0.0, model_missing: bool = False
    ) -> None:
        lease, self.lease = self.lease, None
        if lease is None:
            return
        now_s = monotonic_s()
        ttft_s = self.record.ttft_s
        if ttft_s is not None:
            ttft_s = max(0.0, ttft_s - (self._dispatched_at_s - self._received_at_s))
        outcome = Outcome(
            kind,
            fault,
            now_s - self._dispatched_at_s,
            ttft_s,
            rest_s,
            error,
            self._usage,
            model_missing,
        )
        self._plane.settle(lease, outcome, now_s)

    def _count_events(self, watch: StreamWatch) -> None:
        """A stream is over: what it took."""
        record = self.record
        if record.ttft_s is not None:
            record.content_s = max(0.0, self._last_data_at_s - self._received_at_s - record.ttft_s)
        record.events = watch.events
        usage = watch.tokens.usage(watch.events)
        record.tokens_estimated = usage.estimated
        self._take_usage(usage)

    def _take_usage(self, usage: Usage) -> None:
        self._usage = usage
        self.record.prompt_tokens = usage.prompt
        self.record.completion_tokens = usage.completion

    def _pass_on(self, head: AnswerHead, held: bytes, *, no_retry: bool) -> None:
        """The node's own error answer, since nobody else could do better."""
        self.record.status = head.status
        self._client.write(
            answer_head(
                head, self.record, tries=len(self._attempts), keep_alive=self._client.keeps_alive, no_retry=no_retry
            )
            + held
        )
        self._client.end()
        self._finish(ExchangeOutcome.FAILED, head.status)

    def _reply(self, reply: Reply) -> None:
        """An answer of our own."""
        record = self.record
        record.error = record.error or reply.message
        head = replies.trace_fields(record, tries=len(self._attempts))
        keep_alive = self._client.keeps_alive
        self._client.write(replies.render(reply, self._template.endpoint, headers=head, keep_alive=keep_alive))
        if reply.closes:
            self._client.break_off()
        else:
            self._client.end()
        self._finish(ExchangeOutcome.FAILED if self._attempts else ExchangeOutcome.REFUSED, reply.status)

    def _finish(self, outcome: ExchangeOutcome, status: int) -> None:
        self._stage = _DONE
        self.deadline_at_s = NEVER
        plane, record = self._plane, self.record
        finished = plane.finished
        plane.exchanges.discard(self)
        if self._is_admitted:
            plane.gatekeeper.release(self._key)
        if self._relayed_bytes:
            record.bytes_out += self._relayed_bytes
        record.outcome = outcome
        record.status = status
        record.ended_at_s = now_s = monotonic_s()
        record.total_s = now_s - self._received_at_s
        finished(record)
