"""KV buckets: the newest value of each key."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import structlog
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from vprinter_common.bus.connection import FAILURES, PUBLISH_TIMEOUT, RETRY, BusUnavailable, Connection, call, sentence
from vprinter_common.bus.feed import Change, feed
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

    async def claim(self, bucket: Bucket, key: str, message: M, may_replace: Callable[[M], bool]) -> bool:
        """Write a value where there is none, or one that may be replaced; whether it is there now.

        Of several who do so at once, one succeeds. BusUnavailable when NATS did not confirm.
        """
        try:
            kv = await self._opened(bucket)
            present = await _entry(kv, key)
            if present is None:
                await call(kv.create(key, message.encode()))
                return True
            if not _may(may_replace, type(message), present.value or b""):
                return False
            await call(kv.update(key, message.encode(), present.revision))
        except KeyWrongLastSequenceError:
            return False
        except FAILURES as error:
            raise BusUnavailable(f"{bucket.name} was not written: {sentence(error)}") from error
        return True

    async def read(self, bucket: Bucket, model: type[M]) -> dict[str, M]:
        """All values of a bucket now; BusUnavailable when NATS is away."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT), feed(self.line(), bucket) as changes:
                found: dict[str, M] = {}
                while (change := await changes.next()) is not None:
                    _apply(found, change, model, {})
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
        async with feed(self.line(), bucket) as changes:
            while True:
                try:
                    async with asyncio.timeout_at(until) as wait:
                        self._waiting.add(wait)
                        try:
                            change = await changes.next()
                        finally:
                            self._waiting.discard(wait)
                except TimeoutError:
                    return
                if change is None:
                    complete = True
                elif not _apply(state, change, model, known):
                    continue
                if complete:
                    yield dict(state)

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


def _apply(state: dict[str, M], change: Change, model: type[M], known: Mapping[str, M]) -> bool:
    """Fold a change into the state; False if it changed nothing. Of an unreadable value the last readable one stays."""
    if change.value is None:
        return state.pop(change.key, None) is not None
    try:
        state[change.key] = model.decode(change.value)
    except ValidationError as error:
        log.error(
            "value_unreadable",
            entry=change.key,
            model=model.__name__,
            fields=[".".join(map(str, e["loc"])) for e in error.errors()],
        )
        if change.key in state or change.key not in known:
            return False
        state[change.key] = known[change.key]
    return True


async def _entry(kv: KeyValue, key: str) -> KeyValue.Entry | None:
    try:
        return await call(kv.get(key))
    except KeyNotFoundError:
        return None


def _may(replace: Callable[[M], bool], model: type[M], value: bytes) -> bool:
    """What nobody can read may be replaced."""
    try:
        return replace(model.decode(value))
    except ValidationError:
        return True
