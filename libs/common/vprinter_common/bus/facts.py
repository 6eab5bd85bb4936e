"""Facts: published until the stream has them, consumed until they were taken."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from prometheus_client import CollectorRegistry

from vprinter_common.bus.connection import FAILURES, PUBLISH_TIMEOUT, RETRY, BusUnavailable, Connection, call, sentence
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import kind_of
from vprinter_common.contracts.message import Event
from vprinter_common.contracts.subjects import Stream
from vprinter_common.metrics import declared
from vprinter_common.runtime.settings import NatsSettings

log = structlog.get_logger()

ACK_WAIT = 20.0
"""Seconds after which a fact that was delivered and not acknowledged comes again: for so long a file is not listed whose
consumer died. That a slow handler may see one twice is harmless, as each takes a fact once."""
MOST_WAIT = 60.0
FETCH = 5.0
"""Seconds that one request for the next fact lingers at the server."""

Handler = Callable[[str, bytes], Awaitable[None]]


class Facts(Connection):
    """What happened."""

    def __init__(self, settings: NatsSettings, name: str, registry: CollectorRegistry) -> None:
        super().__init__(settings, name, registry)
        self._redelivered = declared.BUS_REDELIVERIES.create(registry)

    async def publish_fact(self, fact: Event, message_id: str) -> None:
        """Publish a fact and wait until the stream has it; BusUnavailable means: repeat with the same id."""
        kind = kind_of(fact)
        try:
            headers = {"Nats-Msg-Id": message_id}
            js = self.jetstream()
            await call(js.publish(subjects.fact(kind), fact.encode(), timeout=PUBLISH_TIMEOUT, headers=headers))
        except FAILURES as error:
            raise BusUnavailable(f"{kind} was not confirmed: {sentence(error)}") from error
        self._published.labels(kind).inc()

    async def consume(self, stream: Stream, durable: str, handler: Handler) -> None:
        """Hand every fact to `handler(subject, data)`, one by one, at least once, for ever.

        A fact is acknowledged only after the handler returned; when it raises, the fact comes again some seconds later,
        after those that followed it.
        """
        while True:
            await self.wait_connected()
            try:
                await self._consume(stream, durable, handler)
            except (*FAILURES, BusUnavailable) as error:
                log.warning("consumer_interrupted", stream=stream.name, error=sentence(error))
                await asyncio.sleep(RETRY)

    async def backlog(self, stream: Stream, durable: str) -> int:
        """Facts that `durable` has not acknowledged yet; BusUnavailable when NATS is away."""
        try:
            info = await call(self.jetstream().consumer_info(stream.name, durable))
        except FAILURES as error:
            raise BusUnavailable(f"{durable} cannot be asked: {sentence(error)}") from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def server_time(self, stream: Stream) -> datetime:
        """The time by the server's clock; BusUnavailable when JetStream does not say."""
        try:
            reply = await call(self.line().request(f"$JS.API.STREAM.INFO.{stream.name}", timeout=PUBLISH_TIMEOUT))
            return datetime.fromisoformat(json.loads(reply.data)["ts"])
        except (*FAILURES, KeyError, ValueError) as error:
            raise BusUnavailable(f"{stream.name} cannot be asked: {sentence(error)}") from error

    async def _consume(self, stream: Stream, durable: str, handler: Handler) -> None:
        config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT, max_deliver=-1)
        js = self.jetstream()
        subscription = await call(js.pull_subscribe(stream.subjects[0], durable, stream.name, config))
        try:
            while True:
                if (msg := await _next(subscription)) is not None:
                    await self._deliver(stream, msg, handler)
        finally:
            with suppress(*FAILURES):
                await subscription.unsubscribe()

    async def _deliver(self, stream: Stream, msg: Msg, handler: Handler) -> None:
        deliveries = msg.metadata.num_delivered
        if deliveries > 1:
            self._redelivered.labels(stream.name).inc()
        try:
            await handler(msg.subject, msg.data)
        except Exception:  # the fact must come again whatever went wrong; the cause is logged
            log.exception("fact_not_taken", subject=msg.subject, delivery=deliveries)
            await msg.nak(delay=min(RETRY * deliveries, MOST_WAIT))
            return
        await call(msg.ack_sync(timeout=PUBLISH_TIMEOUT))


async def _next(subscription: JetStreamContext.PullSubscription) -> Msg | None:
    """The next fact, None if none came for a while.

    One at a time: asked for more, the client holds back what came until all came or the time is over.
    """
    try:
        return (await call(subscription.fetch(1, timeout=FETCH)))[0]
    except TimeoutError:
        return None
