"""What a KV bucket holds now, and then every change.

The client's own watcher wakes up four times a second for each bucket, and can take a bucket for empty whose values arrive
while it asks how many there are (nats-py 2.16): an edge would stop all its printers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from vprinter_common.bus.connection import FAILURES, PUBLISH_TIMEOUT, BusUnavailable, call
from vprinter_common.contracts.subjects import Bucket

REMOVED = ("KV-Operation", "Nats-Marker-Reason")
"""Headers of what is stored in place of a value: it was deleted, or expired."""


@dataclass(frozen=True, slots=True)
class Change:
    """The newest value of a key; None: there is none any more."""

    key: str
    value: bytes | None


class Feed:
    """A bucket as one reader sees it, in the server's order."""

    def __init__(self, bucket: Bucket, messages: asyncio.Queue[Msg], waiting: int) -> None:
        """`waiting`: keys that are there at the beginning."""
        self._bucket = bucket
        self._messages = messages
        self._waiting = waiting
        self._taken = 0
        self._whole = False

    async def next(self) -> Change | None:
        """The next change; None once, when all that was there has been told. BusUnavailable if one was lost."""
        if not self._whole and self._waiting <= 0:
            self._whole = True
            return None
        msg = await self._messages.get()
        self._taken += 1
        if msg.metadata.sequence.consumer != self._taken:
            raise BusUnavailable(f"a change of {self._bucket.name} was lost before {msg.subject}")
        # What was replaced or has expired since is not sent: then there are fewer than there were at first.
        self._waiting = min(self._waiting - 1, msg.metadata.num_pending)
        removed = msg.headers is not None and any(name in msg.headers for name in REMOVED)
        return Change(msg.subject.removeprefix(_subject(self._bucket, "")), None if removed else msg.data)


@asynccontextmanager
async def feed(client: Client, bucket: Bucket) -> AsyncIterator[Feed]:
    """Follow a bucket while the context is open; raises nats.errors.Error, also when there is no such bucket.

    The server forgets the consumer behind it by itself, some seconds after nobody listens any more.
    """
    messages: asyncio.Queue[Msg] = asyncio.Queue()

    async def take(msg: Msg) -> None:
        messages.put_nowait(msg)

    inbox = client.new_inbox()
    subscription = await call(client.subscribe(inbox, cb=take))
    try:
        config = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            ack_policy=AckPolicy.NONE,
            filter_subject=_subject(bucket, ">"),
            mem_storage=True,
            num_replicas=1,
        )
        consumer = await call(client.jetstream(timeout=PUBLISH_TIMEOUT).add_consumer(f"KV_{bucket.name}", config))
        sent = consumer.delivered.consumer_seq if consumer.delivered else 0
        yield Feed(bucket, messages, sent + (consumer.num_pending or 0))
    finally:
        with suppress(*FAILURES):
            await call(subscription.unsubscribe())


def _subject(bucket: Bucket, key: str) -> str:
    return f"$KV.{bucket.name}.{key}"
