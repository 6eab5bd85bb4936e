"""NATS: connect for ever, publish, subscribe and request typed messages, watch buckets, consume facts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import nats
import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, KeyValueConfig, StorageType, StreamConfig
from nats.js.kv import KeyValue
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import EndpointConfig
from prometheus_client import CollectorRegistry, Counter, Gauge
from pydantic import ValidationError

from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import kind_of
from vprinter_common.contracts.message import Event, Message
from vprinter_common.contracts.subjects import Bucket, Stream
from vprinter_common.runtime.settings import NatsSettings
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import client_context

log = structlog.get_logger()

M = TypeVar("M", bound=Message)
A = TypeVar("A", bound=Message)

CONNECT_TIMEOUT = 5.0
PUBLISH_TIMEOUT = 5.0
RESYNC = 30.0
"""A watched bucket is read anew this often: a watch stays silent for seconds after a server restart."""
ACK_WAIT = 60.0
RETRY = 2.0


class BusUnavailable(Exception):  # noqa: N818 - a state of the bus, not a mistake
    """NATS did not confirm. The message may or may not have been taken: repeat it with the same id."""


class Bus:
    """One connection to NATS that is made again for ever."""

    def __init__(self, settings: NatsSettings, name: str, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._name = name
        self._nats: Client | None = None
        self._js: JetStreamContext | None = None
        self._ready = asyncio.Event()
        self._generation = 0
        self._changed = asyncio.Condition()
        self._tasks = TaskSet("bus")
        self._connected_gauge = Gauge("vprinter_bus_connected", "1 while connected to NATS", registry=registry)
        self._published = Counter("vprinter_bus_published", "Messages published", ["kind"], registry=registry)
        self._redelivered = Counter("vprinter_bus_redeliveries", "Facts delivered again", ["stream"], registry=registry)

    # -- connection ---------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether NATS answers right now."""
        return self._ready.is_set() and self._nats is not None and self._nats.is_connected

    def problem(self) -> str | None:
        """A sentence if NATS is away (a health check)."""
        return None if self.connected else f"no connection to NATS at {self._settings.url}; retrying"

    async def wait_connected(self) -> None:
        """Wait until NATS is there and its streams and buckets exist."""
        await self._ready.wait()

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._keep_connected(), "connect")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        client = self._nats
        if client is not None and client.is_connected:
            with suppress(nats.errors.Error, TimeoutError):
                async with asyncio.timeout(3):
                    await client.drain()
        await self._tasks.close()
        if client is not None:
            await client.close()

    async def _keep_connected(self) -> None:
        while True:
            closed = asyncio.Event()
            try:
                await self._connect(closed)
            except (OSError, TimeoutError, nats.errors.Error) as error:
                log.warning("nats_unreachable", url=self._settings.url, error=str(error) or type(error).__name__)
                if self._nats is not None:
                    await self._nats.close()
                await asyncio.sleep(RETRY)
                continue
            await closed.wait()
            self._ready.clear()

    async def _connect(self, closed: asyncio.Event) -> None:
        async def on_disconnect() -> None:
            self._connected_gauge.set(0)
            log.warning("nats_disconnected")

        async def on_reconnect() -> None:
            log.info("nats_reconnected")
            self._tasks.spawn(self._on_connected(), "reconnected")

        async def on_error(error: Exception) -> None:
            log.debug("nats_error", error=str(error) or type(error).__name__)

        async def on_closed() -> None:
            closed.set()

        settings = self._settings
        self._nats = Client()
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await self._nats.connect(
                servers=[url.strip() for url in settings.url.split(",")],
                name=self._name,
                user=settings.user,
                password=settings.password.get_secret_value() if settings.password else None,
                tls=client_context(settings.ca_file.read_text()) if settings.ca_file else None,
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                ping_interval=10,
                disconnected_cb=on_disconnect,
                reconnected_cb=on_reconnect,
                error_cb=on_error,
                closed_cb=on_closed,
            )
        self._js = self._nats.jetstream(timeout=PUBLISH_TIMEOUT)
        await self._on_connected()
        log.info("nats_connected", url=settings.url)

    async def _on_connected(self) -> None:
        await self._ensure_stream(subjects.FACT_STREAM)
        for bucket in (subjects.PRINTERS, subjects.STATUS):
            await self._ensure_bucket(bucket)
        self._connected_gauge.set(1)
        self._ready.set()
        async with self._changed:
            self._generation += 1
            self._changed.notify_all()

    async def _ensure_stream(self, stream: Stream) -> None:
        js = self._require()
        config = StreamConfig(
            name=stream.name,
            subjects=list(stream.subjects),
            max_age=stream.max_age,
            duplicate_window=stream.duplicate_window,
            storage=StorageType.FILE,
            num_replicas=self._settings.replicas,
        )
        try:
            await js.add_stream(config)
        except nats.js.errors.BadRequestError:  # exists with other settings: ours are newer
            await js.update_stream(config)

    async def _ensure_bucket(self, bucket: Bucket) -> KeyValue:
        js = self._require()
        try:
            return await js.key_value(bucket.name)
        except nats.js.errors.NotFoundError:
            config = KeyValueConfig(
                bucket=bucket.name, ttl=bucket.ttl, storage=StorageType.FILE, replicas=self._settings.replicas
            )
            return await js.create_key_value(config)

    def _require(self) -> JetStreamContext:
        if self._js is None or self._nats is None or not self._nats.is_connected:
            raise BusUnavailable(f"no connection to NATS at {self._settings.url}")
        return self._js

    # -- publish, subscribe, request -----------------------------------------------------------------------------

    async def publish(self, subject: str, message: Message) -> None:
        """Publish a live message; dropped while NATS is away."""
        if self.connected and self._nats is not None:
            with suppress(nats.errors.Error):
                await self._nats.publish(subject, message.encode())
                self._published.labels("live").inc()

    async def publish_fact(self, fact: Event, message_id: str) -> None:
        """Publish a fact and wait until the stream has it; BusUnavailable means: repeat with the same id."""
        kind = kind_of(fact)
        try:
            await self._require().publish(
                subjects.fact(kind), fact.encode(), timeout=PUBLISH_TIMEOUT, headers={"Nats-Msg-Id": message_id}
            )
        except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
            raise BusUnavailable(f"{kind} was not confirmed: {error or type(error).__name__}") from error
        self._published.labels(kind).inc()

    async def subscribe(self, subject: str, model: type[M], handler: Callable[[M], Awaitable[None]]) -> None:
        """Call `handler` for each live message; lasts as long as the bus. Unreadable messages are logged."""

        async def on_message(msg: Msg) -> None:
            try:
                message = model.decode(msg.data)
            except ValidationError as error:
                log.warning("message_unreadable", subject=msg.subject, error=str(error))
                return
            await handler(message)

        await self.wait_connected()
        assert self._nats is not None  # noqa: S101 - wait_connected guarantees it
        await self._nats.subscribe(subject, cb=on_message)

    async def request(self, subject: str, message: Message, answer: type[A], timeout: float = 3.0) -> A:
        """Ask a service; BusUnavailable when nobody answers in time."""
        self._require()
        assert self._nats is not None  # noqa: S101 - _require guarantees it
        try:
            reply = await self._nats.request(subject, message.encode(), timeout=timeout)
            return answer.decode(reply.data)
        except (nats.errors.Error, TimeoutError, ValidationError) as error:
            raise BusUnavailable(f"no answer on {subject}: {error or type(error).__name__}") from error

    async def answer(self, service: str, version: str, verbs: Mapping[str, Callable[[], Awaitable[Message]]]) -> None:
        """Answer `vprinter.rpc.<service>.<verb>` and NATS' own service discovery; lasts as long as the connection."""
        await self.wait_connected()
        assert self._nats is not None  # noqa: S101 - wait_connected guarantees it
        micro = await add_service(self._nats, name=service, version=version)
        for verb, handler in verbs.items():

            async def respond(request: Request, handler: Callable[[], Awaitable[Message]] = handler) -> None:
                await request.respond((await handler()).encode())

            await micro.add_endpoint(EndpointConfig(name=verb, subject=subjects.rpc(service, verb), handler=respond))

    # -- buckets ------------------------------------------------------------------------------------------------

    async def put(self, bucket: Bucket, key: str, message: Message) -> None:
        """Write a value; BusUnavailable when NATS did not confirm."""
        await self._kv_call(bucket, lambda kv: kv.put(key, message.encode()))

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Remove a key; BusUnavailable when NATS did not confirm."""
        await self._kv_call(bucket, lambda kv: kv.delete(key))

    async def read(self, bucket: Bucket, model: type[M]) -> dict[str, M]:
        """All values of a bucket now; BusUnavailable when NATS is away."""
        found: dict[str, M] = {}
        try:
            watcher = await (await self._require().key_value(bucket.name)).watchall()
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT):
                    while (entry := await watcher.updates(timeout=PUBLISH_TIMEOUT)) is not None:  # type: ignore[no-untyped-call]
                        _apply(found, entry, model)
            finally:
                await _stop_quietly(watcher)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusUnavailable(f"{bucket.name} cannot be read: {error or type(error).__name__}") from error
        return found

    async def watch(self, bucket: Bucket, model: type[M]) -> AsyncIterator[dict[str, M]]:
        """The whole bucket, now and after every change, for ever. Silent while NATS is away: keep what you have."""
        while True:
            await self.wait_connected()
            generation = self._generation
            try:
                async for state in self._watch_once(bucket, model, generation):
                    yield state
            except (nats.errors.Error, nats.js.errors.Error, BusUnavailable, TimeoutError) as error:
                log.warning("watch_interrupted", bucket=bucket.name, error=str(error) or type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _watch_once(self, bucket: Bucket, model: type[M], generation: int) -> AsyncIterator[dict[str, M]]:
        """Yield states until the connection was made anew or RESYNC passed."""
        loop = asyncio.get_running_loop()
        until = loop.time() + RESYNC
        state: dict[str, M] = {}
        complete = False
        async with AsyncExitStack() as stack:
            kv = await self._require().key_value(bucket.name)
            watcher = await kv.watchall()
            stack.push_async_callback(_stop_quietly, watcher)
            while self._generation == generation and loop.time() < until:
                try:
                    entry = await watcher.updates(timeout=0.5)  # type: ignore[no-untyped-call]
                except (nats.errors.TimeoutError, TimeoutError):
                    continue
                if entry is None:
                    complete = True
                elif not _apply(state, entry, model):
                    continue
                if complete:
                    yield dict(state)

    async def _kv_call(self, bucket: Bucket, call: Callable[[KeyValue], Awaitable[Any]]) -> None:
        try:
            await call(await self._require().key_value(bucket.name))
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusUnavailable(f"{bucket.name} was not written: {error or type(error).__name__}") from error

    # -- facts --------------------------------------------------------------------------------------------------

    async def consume(
        self, stream: Stream, durable: str, handler: Callable[[str, bytes], Awaitable[None]], batch: int = 32
    ) -> None:
        """Hand every fact to `handler(subject, data)`, in order, at least once, for ever.

        A fact is acknowledged only after the handler returned; when it raises, the fact comes again.
        """
        while True:
            await self.wait_connected()
            try:
                subscription = await self._require().pull_subscribe(
                    stream.subjects[0],
                    durable=durable,
                    stream=stream.name,
                    config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT, max_deliver=-1),
                )
                while True:
                    with suppress(nats.errors.TimeoutError):
                        for msg in await subscription.fetch(batch, timeout=5):
                            await self._deliver(stream, msg, handler)
            except (nats.errors.Error, nats.js.errors.Error, BusUnavailable, OSError) as error:
                log.warning("consumer_interrupted", stream=stream.name, error=str(error) or type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _deliver(self, stream: Stream, msg: Msg, handler: Callable[[str, bytes], Awaitable[None]]) -> None:
        if msg.metadata.num_delivered > 1:
            self._redelivered.labels(stream.name).inc()
        try:
            await handler(msg.subject, msg.data)
        except Exception:  # the fact must come again whatever went wrong; the cause is logged
            log.exception("fact_not_taken", subject=msg.subject, delivery=msg.metadata.num_delivered)
            await msg.nak(delay=min(RETRY * msg.metadata.num_delivered, 60))
            return
        await msg.ack_sync(timeout=PUBLISH_TIMEOUT)

    async def backlog(self, stream: Stream, durable: str) -> int:
        """Facts that `durable` has not acknowledged yet; BusUnavailable when NATS is away."""
        try:
            info = await self._require().consumer_info(stream.name, durable)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusUnavailable(f"{durable} cannot be asked: {error or type(error).__name__}") from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)


def _apply(state: dict[str, M], entry: KeyValue.Entry, model: type[M]) -> bool:
    """Fold one bucket entry into the state; False if it changed nothing."""
    if entry.operation is not None:
        return state.pop(entry.key, None) is not None
    try:
        state[entry.key] = model.decode(entry.value or b"")
    except ValidationError as error:
        log.error("value_unreadable", key=entry.key, fields=[".".join(map(str, e["loc"])) for e in error.errors()])
        return False
    return True


async def _stop_quietly(watcher: KeyValue.KeyWatcher) -> None:
    with suppress(nats.errors.Error, nats.js.errors.Error, TimeoutError):
        await watcher.stop()  # type: ignore[no-untyped-call]
