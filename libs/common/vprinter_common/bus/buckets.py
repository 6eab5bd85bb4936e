"""KV buckets: the newest value of each key."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

import structlog
from nats.aio.client import Client
from nats.js.kv import KeyValue
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from vprinter_common.bus.connection import FAILURES, PUBLISH_TIMEOUT, RETRY, BusUnavailable, Connection, call, sentence
from vprinter_common.contracts.message import Message
from vprinter_common.contracts.subjects import Bucket
from vprinter_common.runtime.settings import NatsSettings

log = structlog.get_logger()

M = TypeVar("M", bound=Message)

RESYNC = 30.0
"""Seconds after which a watched bucket is read anew: values that expire are not announced to those who watch."""


class Buckets(Connection):
    """Desired state, and status."""

    def __init__(self, settings: NatsSettings, name: str, registry: CollectorRegistry, resync: float = RESYNC) -> None:
        super().__init__(settings, name, registry)
        self._resync = resync
        self._waiting: set[asyncio.Timeout] = set()
        self._line_of_opened: Client | None = None
        self._already_opened: dict[str, KeyValue] = {}

    def renewed(self) -> None:
        """A watch stays silent for many seconds after a restart of the server: let all of them begin anew."""
        for wait in self._waiting:
            wait.reschedule(asyncio.get_running_loop().time())

    async def put(self, bucket: Bucket, key: str, message: Message) -> None:
        """Write a value; BusUnavailable when NATS did not confirm."""
        await self._write(bucket, lambda kv: kv.put(key, message.encode()))

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Remove a key; BusUnavailable when NATS did not confirm."""
        await self._write(bucket, lambda kv: kv.delete(key))

    async def read(self, bucket: Bucket, model: type[M]) -> dict[str, M]:
        """All values of a bucket now; BusUnavailable when NATS is away."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT), AsyncExitStack() as stack:
                watcher = await self._watcher(bucket, stack)
                found: dict[str, M] = {}
                while (entry := await _next(watcher)) is not None:
                    _apply(found, entry, model, {})
                return found
        except FAILURES as error:
            raise BusUnavailable(f"{bucket.name} cannot be read: {sentence(error)}") from error

    async def watch(self, bucket: Bucket, model: type[M]) -> AsyncIterator[dict[str, M]]:
        """The whole bucket, now and after every change, for ever. Silent while NATS is away: keep what you have."""
        known: dict[str, M] = {}
        while True:
            await self.wait_connected()
            try:
                async for state in self._watch_once(bucket, model, known):
                    known = state
                    yield state
            except (*FAILURES, BusUnavailable) as error:
                log.warning("watch_interrupted", bucket=bucket.name, error=sentence(error))
                await asyncio.sleep(RETRY)

    async def _watch_once(self, bucket: Bucket, model: type[M], known: Mapping[str, M]) -> AsyncIterator[dict[str, M]]:
        """Yield states until the line was made anew or it is time to read everything again."""
        until = asyncio.get_running_loop().time() + self._resync
        state: dict[str, M] = {}
        complete = False
        async with AsyncExitStack() as stack:
            watcher = await self._watcher(bucket, stack)
            while True:
                try:
                    async with asyncio.timeout_at(until) as wait:
                        self._waiting.add(wait)
                        try:
                            entry = await _next(watcher)
                        finally:
                            self._waiting.discard(wait)
                except TimeoutError:
                    return
                if entry is None:
                    complete = True
                elif not _apply(state, entry, model, known):
                    continue
                if complete:
                    yield dict(state)

    async def _watcher(self, bucket: Bucket, stack: AsyncExitStack) -> KeyValue.KeyWatcher:
        watcher = await call((await call(self.jetstream().key_value(bucket.name))).watchall())
        stack.push_async_callback(_stop_quietly, watcher)
        return watcher

    async def _opened(self, bucket: Bucket) -> KeyValue:
        """The bucket on the present line, opened once: that asks the server, and each printer's status is written often."""
        line = self.line()
        if self._line_of_opened is not line:
            self._line_of_opened, self._already_opened = line, {}
        opened = self._already_opened
        if bucket.name not in opened:
            opened[bucket.name] = await call(self.jetstream().key_value(bucket.name))
        return opened[bucket.name]

    async def _write(self, bucket: Bucket, write: Callable[[KeyValue], Awaitable[Any]]) -> None:
        try:
            await call(write(await self._opened(bucket)))
        except FAILURES as error:
            raise BusUnavailable(f"{bucket.name} was not written: {sentence(error)}") from error


async def _next(watcher: KeyValue.KeyWatcher) -> KeyValue.Entry | None:
    """The next entry; None once, after the last of those that were there at the beginning."""
    entry: KeyValue.Entry | None = await watcher.updates(timeout=None)  # type: ignore[no-untyped-call]
    return entry


def _apply(state: dict[str, M], entry: KeyValue.Entry, model: type[M], known: Mapping[str, M]) -> bool:
    """Fold one entry into the state; False if it changed nothing. Of an unreadable value the last readable one stays."""
    if entry.operation is not None:
        return state.pop(entry.key, None) is not None
    try:
        state[entry.key] = model.decode(entry.value or b"")
    except ValidationError as error:
        log.error(
            "value_unreadable",
            bucket=entry.bucket,
            entry=entry.key,
            fields=[".".join(map(str, e["loc"])) for e in error.errors()],
        )
        if entry.key in state or entry.key not in known:
            return False
        state[entry.key] = known[entry.key]
    return True


async def _stop_quietly(watcher: KeyValue.KeyWatcher) -> None:
    with suppress(*FAILURES):
        await watcher.stop()  # type: ignore[no-untyped-call]
