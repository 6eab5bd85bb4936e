"""The connection to NATS: made for ever, with streams, buckets and subscriptions set up whenever it is new."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType, StreamConfig
from prometheus_client import CollectorRegistry

from vprinter_common.contracts import subjects
from vprinter_common.contracts.subjects import Bucket, Stream
from vprinter_common.metrics import declared
from vprinter_common.runtime.settings import NatsSettings
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import nats_context

log = structlog.get_logger()

CONNECT_TIMEOUT = 5.0
DRAIN_TIMEOUT = 3.0
PUBLISH_TIMEOUT = 5.0
RETRY = 2.0

FAILURES = (nats.errors.Error, OSError, TimeoutError)
"""What a call to NATS may raise; JetStream's errors are among nats.errors.Error."""
NOT_NATS = (ValueError, EOFError)
"""What connecting raises besides when something else answers at that address."""

T = TypeVar("T")
Setup = Callable[[Client], Awaitable[object]]


class BusUnavailable(Exception):  # noqa: N818 - a state of the bus, not a mistake
    """NATS did not confirm. The message may or may not have been taken: repeat it with the same id."""


def sentence(error: BaseException) -> str:
    """An error's text; NATS timeouts have none."""
    return str(error) or type(error).__name__


async def call(awaited: Awaitable[T]) -> T:
    """Await something of the client, which loses a cancellation that meets the result, or the error.

    It uses `asyncio.wait_for`, which does so in Python 3.11; a loop for ever would then not end.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - coroutines run in tasks
    before = task.cancelling()
    try:
        return await awaited
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError


async def confirmed(client: Client) -> None:
    """Wait until the server knows of everything so far: twice, for a first PING overtakes what waits to be written."""
    await call(client.flush())
    await call(client.flush())


class Connection:
    """What messages, buckets and facts have in common."""

    def __init__(self, settings: NatsSettings, name: str, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._name = name
        self._shown_url = re.sub(r"//[^/,]*@", "//", settings.url)
        """Without a password that may stand in it."""
        self._client: Client | None = None
        self._up = asyncio.Event()
        """The line is there. Cleared when it breaks; the client mends it by itself."""
        self._down = asyncio.Event()
        self._ready = asyncio.Event()
        """The line is there, and so is everything that is set up on it."""
        self._closed = asyncio.Event()
        """The client has given up (a refused password), so that a new one is needed."""
        self._setups: dict[Setup, bool] = {}
        """What is set up on every client, and whether it is on the present one."""
        self._setting_up = asyncio.Lock()
        self._tasks = TaskSet("bus")
        self._connected_gauge = declared.BUS_CONNECTED.create(registry)
        self._published = declared.BUS_PUBLISHED.create(registry)

    @property
    def connected(self) -> bool:
        """Whether NATS answers right now."""
        return self._ready.is_set() and self._client is not None and self._client.is_connected

    def problem(self) -> str | None:
        """A sentence if NATS is away (a health check)."""
        return None if self.connected else f"no connection to NATS at {self._shown_url}; retrying"

    async def wait_connected(self) -> None:
        """Wait until NATS is there and its streams, buckets and subscriptions exist."""
        await self._ready.wait()

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._keep_connected(), "connect")
        self._tasks.spawn(self._keep_ready(), "ready")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._tasks.close()  # first, or they would connect anew when the drain closes the line
        self._ready.clear()
        client = self._client
        if client is None:
            return
        if client.is_connected:
            with suppress(nats.errors.Error, TimeoutError):
                async with asyncio.timeout(DRAIN_TIMEOUT):
                    await client.drain()
        with suppress(OSError):  # the server went at the same moment
            await client.close()

    def line(self) -> Client:
        """The client while its line is there; raises BusUnavailable."""
        if self._client is None or not self._client.is_connected:
            raise BusUnavailable(f"no connection to NATS at {self._shown_url}")
        return self._client

    def jetstream(self) -> JetStreamContext:
        """JetStream while the line is there; raises BusUnavailable."""
        return self.line().jetstream(timeout=PUBLISH_TIMEOUT)

    async def stand(self, setup: Setup) -> None:
        """Set something up now, or as soon as NATS is there, and again on every new connection."""
        self._setups[setup] = False
        await self.wait_connected()
        await self._set_up()

    def no_longer(self, setup: Setup) -> None:
        """Do not set this up on new connections any more."""
        self._setups.pop(setup, None)

    def renewed(self) -> None:
        """Called when the line was made (anew): what was read over the old one may be stale."""

    # -- tasks ---------------------------------------------------------------------------------------------------

    async def _keep_connected(self) -> None:
        while True:
            client = self._client = Client()
            self._closed.clear()
            self._setups = dict.fromkeys(self._setups, False)
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await self._connect(client)
            except (*FAILURES, *NOT_NATS) as error:
                log.warning("nats_unreachable", url=self._shown_url, error=sentence(error))
                await client.close()
                await asyncio.sleep(RETRY)
                continue
            log.info("nats_connected", url=self._shown_url)
            self._line_is_up()
            await self._closed.wait()
            log.error("nats_refused", url=self._shown_url, error=sentence(client.last_error or EOFError()))
            await asyncio.sleep(RETRY)

    async def _keep_ready(self) -> None:
        while True:
            await self._up.wait()
            try:
                await self._prepare()
            except (*FAILURES, BusUnavailable) as error:
                log.warning("nats_not_ready", error=sentence(error))
                await asyncio.sleep(RETRY)
                continue
            if self._up.is_set():
                self._connected_gauge.set(1)
                self._ready.set()
                self.renewed()
                await self._down.wait()

    async def _connect(self, client: Client) -> None:
        async def on_disconnect() -> None:
            if client is self._client:
                self._line_is_down()

        async def on_reconnect() -> None:
            log.info("nats_reconnected")
            self._line_is_up()

        async def on_error(error: Exception) -> None:
            log.debug("nats_error", error=sentence(error))

        async def on_closed() -> None:
            if client is self._client:
                self._line_is_down()
                self._closed.set()

        settings = self._settings
        await client.connect(
            servers=[url.strip() for url in settings.url.split(",")],
            name=self._name,
            user=settings.user,
            password=settings.password.get_secret_value() if settings.password else None,
            tls=nats_context(settings.ca_file) if settings.ca_file else None,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            ping_interval=10,
            disconnected_cb=on_disconnect,
            reconnected_cb=on_reconnect,
            error_cb=on_error,
            closed_cb=on_closed,
        )

    def _line_is_up(self) -> None:
        self._down.clear()
        self._up.set()

    def _line_is_down(self) -> None:
        if self._up.is_set() and self._tasks.running():
            log.warning("nats_disconnected")
        self._up.clear()
        self._ready.clear()
        self._down.set()
        self._connected_gauge.set(0)

    # -- what is set up ------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        await self._ensure_stream(subjects.FACT_STREAM)
        for bucket in subjects.BUCKETS:
            await self._ensure_bucket(bucket)
        await self._set_up()

    async def _set_up(self) -> None:
        """Run the setups that this client has not seen yet; the client itself repeats them when its line was broken."""
        async with self._setting_up:
            while (setup := next((each for each, done in self._setups.items() if not done), None)) is not None:
                client = self.line()
                await setup(client)
                if setup in self._setups:  # and nobody has lost interest meanwhile
                    self._setups[setup] = True
                await confirmed(client)

    async def _ensure_stream(self, stream: Stream) -> None:
        js = self.jetstream()
        config = StreamConfig(
            name=stream.name,
            subjects=list(stream.subjects),
            max_age=stream.max_age,
            duplicate_window=stream.duplicate_window,
            storage=StorageType.FILE,
            num_replicas=self._settings.replicas,
        )
        try:
            await call(js.add_stream(config))
        except nats.js.errors.BadRequestError:  # exists with other settings: ours are newer
            await call(js.update_stream(config))

    async def _ensure_bucket(self, bucket: Bucket) -> None:
        js, replicas = self.jetstream(), self._settings.replicas
        try:
            present = (await call(js.stream_info(f"KV_{bucket.name}"))).config
        except nats.js.errors.NotFoundError:
            config = KeyValueConfig(bucket=bucket.name, ttl=bucket.ttl, storage=StorageType.FILE, replicas=replicas)
            await call(js.create_key_value(config))
            return
        if present.num_replicas != replicas:  # there are more servers than there were, or fewer
            await call(js.update_stream(present.evolve(num_replicas=replicas)))
