"""The life of an agent: find the engine, register, send heartbeats, react to every answer, leave."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from dataclasses import replace
from typing import Never, assert_never

import llmlb
from llmlb.agent.advertise import accepts_connections, advertised_url, listen_advice
from llmlb.agent.backoff import Backoff, jittered
from llmlb.agent.bodies import Beat, Body, NodeFacts, heartbeat, registration
from llmlb.agent.engines import EngineReading
from llmlb.agent.gauges import Figures, Gauges
from llmlb.agent.identity import default_ids
from llmlb.agent.link import RouterLink
from llmlb.agent.narration import Narration
from llmlb.agent.reactions import (
    REJECTED_RETRY_S,
    TOO_SOON_RETRY_S,
    Reaction,
    after_heartbeat,
    after_registration,
    heartbeat_advice,
    registration_advice,
)
from llmlb.agent.run import MAX_HEARTBEAT_S, MIN_HEARTBEAT_S, AgentRun
from llmlb.agent.score import capability_score
from llmlb.agent.state import StateFile
from llmlb.agent.watch import EngineWatch
from llmlb.client.address import RouterAddress, router_address
from llmlb.client.control import ControlClient
from llmlb.config import paths
from llmlb.errors import ClientError

logger = logging.getLogger(__name__)

POLL_CAP_S = 5.0
"""How often the engine is asked at least, so that a loaded model is known within seconds."""

_LEAVE_TIMEOUT_S = 3.0
"""Service managers wait 10 s or more before they kill; a dead router must not use that up."""


class AgentLife:
    """One agent's life. ``live`` never ends by itself; ``leave`` is its last call."""

    def __init__(
        self,
        settings: AgentRun,
        client: ControlClient,
        watch: EngineWatch,
        *,
        router: RouterAddress,
        gauges: Gauges,
        rng: random.Random,
    ) -> None:
        self._settings = settings
        self._client = client
        self._watch = watch
        self._router = router
        self._gauges = gauges
        self._rng = rng
        self._backoff = Backoff(rng)
        self._narration = Narration()
        self._heartbeat_s = settings.heartbeat_s
        self._link: RouterLink | None = None
        self._warned_of_loopback = False

    async def live(self) -> Never:
        """Serve for ever; raises ConfigurationError where a file of ours cannot be used."""
        await self._engine()
        self._link = link = self._membership()
        while True:
            facts = await self._register(link)
            await self._beat_until_unknown(link, facts)
            link.forget()
            # A whole fleet may have been forgotten at one moment, and one router may forget again and again.
            await asyncio.sleep(self._backoff.next_s())

    async def leave(self) -> None:
        """Tell the router that this node goes away; a router that cannot be told finds out by itself."""
        link = self._link
        if link is None or not link.is_registered:
            return
        try:
            async with asyncio.timeout(_LEAVE_TIMEOUT_S):
                await link.leave()
            logger.info("left the router", extra={"node": link.node_id})
        except (ClientError, TimeoutError) as error:
            logger.info("left without telling the router", extra={"node": link.node_id, "cause": str(error)})

    @property
    def _poll_s(self) -> float:
        return min(self._heartbeat_s, POLL_CAP_S)

    async def _engine(self) -> EngineReading:
        """The engine's reading, waited for as long as it takes."""
        while True:
            await self._watch.look(now_s=asyncio.get_running_loop().time())
            if self._watch.reading is not None:
                return self._watch.reading
            await asyncio.sleep(self._poll_s)

    def _membership(self) -> RouterLink:
        """Who this node is: the settings first, then what the last run left behind, then a default name."""
        settings = self._settings
        directory = settings.state_dir or paths.state_dir()
        state = StateFile(directory, router=self._router.url, engine_url=self._watch.url)
        known = state.load()
        if not settings.node_token:
            state.prepare()
        is_same = known is not None and settings.node_id in ("", known.node_id) and not settings.node_token
        port = router_address(self._watch.url).port
        return RouterLink(
            self._client,
            state,
            node_id=known.node_id if known is not None and is_same else settings.node_id,
            token=known.node_token if known is not None and is_same else settings.node_token,
            default_ids=() if settings.node_id else default_ids(socket.gethostname(), port),
            join_token=settings.join_token,
        )

    async def _register(self, link: RouterLink) -> NodeFacts:
        """Register, as often as it takes."""
        while True:
            reading = await self._engine()
            try:
                facts = await self._facts(link, reading)
                body = registration(facts, reading, use_engine_slots=self._settings.use_engine_slots)
                reply = await link.register(body)
            except ClientError as error:
                await asyncio.sleep(self._registration_delay_s(link, error))
                continue
            self._take_interval(reply.get("heartbeat_secs"))
            self._narration.registered(
                node_id=link.node_id, url=facts.url, router=self._router.url, score=facts.capability_score
            )
            self._take_standing(link, reply.get("state"), False)
            return replace(facts, node_id=link.node_id)

    def _registration_delay_s(self, link: RouterLink, error: ClientError) -> float:
        reaction = after_registration(error)
        if reaction is Reaction.OTHER_ID and link.take_other_id():
            logger.info("another node has this machine's name; trying the next", extra={"node": link.node_id})
            return 0.0
        self._narration.trouble(error, advice=registration_advice(error), node_id=link.node_id)
        return REJECTED_RETRY_S if reaction is Reaction.WAIT_LONG else self._backoff.next_s()

    async def _beat_until_unknown(self, link: RouterLink, facts: NodeFacts) -> None:
        """Heartbeats at the interval and when the models change; ends when the router forgot this node."""
        loop = asyncio.get_running_loop()
        next_beat_at_s = loop.time()
        told: EngineReading | None = None
        while True:
            await self._watch.look(now_s=loop.time())
            reading = self._watch.reading
            is_news = told is not None and reading is not None and _has_other_models(reading, told)
            if reading is not None and (is_news or loop.time() >= next_beat_at_s):
                error = await self._beat(link, facts, reading)
                if error is not None and after_heartbeat(error) is Reaction.REGISTER_AGAIN:
                    return
                told = reading if error is None else None
                next_beat_at_s = loop.time() + self._delay_s(error)
            until_beat_s = max(next_beat_at_s - loop.time(), 0.0) if reading is not None else self._poll_s
            await asyncio.sleep(min(self._poll_s, until_beat_s))

    async def _beat(self, link: RouterLink, facts: NodeFacts, reading: EngineReading) -> ClientError | None:
        """One heartbeat; the error if it was not accepted, told to the operator."""
        figures = await self._gauges.figures()

        def compose(beat: Beat) -> Body:
            return self._heartbeat_body(facts, reading, beat, figures)

        try:
            reply = await link.beat(compose, heartbeat_s=self._heartbeat_s)
        except ClientError as error:
            self._narration.trouble(error, advice=heartbeat_advice(error), node_id=link.node_id)
            return error
        self._narration.accepted(node_id=link.node_id)
        self._take_interval(reply.get("heartbeat_secs"))
        self._take_standing(link, reply.get("state"), reply.get("draining") is True)
        return None

    def _heartbeat_body(self, facts: NodeFacts, reading: EngineReading, beat: Beat, figures: Figures) -> Body:
        return heartbeat(
            facts,
            reading,
            beat,
            gpu=figures.gpu,
            host=figures.host,
            use_engine_slots=self._settings.use_engine_slots,
        )

    def _delay_s(self, error: ClientError | None) -> float:
        """When the next heartbeat is due after this one's outcome."""
        reaction = Reaction.NEXT_BEAT if error is None else after_heartbeat(error)
        match reaction:
            case Reaction.NEXT_BEAT:
                self._backoff.reset()
                return jittered(self._heartbeat_s, self._rng)
            case Reaction.BEAT_SOON:
                return jittered(TOO_SOON_RETRY_S, self._rng)
            case Reaction.WAIT_LONG:
                return REJECTED_RETRY_S
            case Reaction.BACK_OFF | Reaction.OTHER_ID | Reaction.REGISTER_AGAIN:
                return self._backoff.next_s()
            case _:
                assert_never(reaction)

    async def _facts(self, link: RouterLink, reading: EngineReading) -> NodeFacts:
        """What a registration says; raises RouterUnreachable where there is no way to the router."""
        settings = self._settings
        cards, cores = await self._gauges.cards()
        computed = capability_score(cards, cpu_cores=cores)
        return NodeFacts(
            url=settings.advertise_url or await self._advertised(reading),
            node_id=link.node_id,
            machine_name=settings.machine_name or socket.gethostname(),
            gpus=cards,
            capability_score=computed if settings.capability_score is None else settings.capability_score,
            heartbeat_s=settings.heartbeat_s,
            agent_version=llmlb.__version__,
            engine_api_key=settings.engine_api_key,
        )

    async def _advertised(self, reading: EngineReading) -> str:
        engine = router_address(self._watch.url)
        url = await advertised_url(engine, self._router)
        outside = router_address(url)
        if outside.host != engine.host and not self._warned_of_loopback and not await accepts_connections(outside):
            self._warned_of_loopback = True
            logger.warning(
                "the engine listens on this machine only; the router will not reach it",
                extra={"url": url, "advice": listen_advice(reading.engine)},
            )
        return url

    def _take_interval(self, told_s: object) -> None:
        """The router may know a better interval than ours; nonsense is ignored."""
        if isinstance(told_s, bool) or not isinstance(told_s, int | float):
            return
        if MIN_HEARTBEAT_S <= told_s <= MAX_HEARTBEAT_S:
            self._heartbeat_s = float(told_s)

    def _take_standing(self, link: RouterLink, state: object, draining: bool) -> None:
        if isinstance(state, str):
            self._narration.standing(node_id=link.node_id, state=state, draining=draining)


def _has_other_models(one: EngineReading, other: EngineReading) -> bool:
    """Loaded or available models differ; their order means nothing to a router."""
    return set(one.loaded_models) != set(other.loaded_models) or set(one.available_models) != set(
        other.available_models
    )
