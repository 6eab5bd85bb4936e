"""Live messages and requests."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import EndpointConfig
from pydantic import ValidationError

from vprinter_common.bus.connection import FAILURES, BusUnavailable, Connection, call, confirmed, sentence
from vprinter_common.contracts import subjects
from vprinter_common.contracts.message import Message
from vprinter_common.runtime.tasks import TaskSet

log = structlog.get_logger()

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Verb(Generic[M]):
    """What a service can be asked: the message that asks it, and who answers."""

    request: type[M]
    answer: Callable[[M], Awaitable[Message]]


class Messages(Connection):
    """What is heard by whoever listens now."""

    async def publish(self, subject: str, message: Message) -> None:
        """Publish a live message; dropped while NATS is away."""
        with suppress(BusUnavailable, nats.errors.Error):
            await self.line().publish(subject, message.encode())
            self._published.labels("live").inc()

    async def settle(self) -> None:
        """Wait until NATS has what was published; BusUnavailable while it is away."""
        try:
            await confirmed(self.line())
        except FAILURES as error:
            raise BusUnavailable(f"NATS does not confirm: {sentence(error)}") from error

    async def subscribe(self, subject: str, model: type[M], handler: Callable[[M], Awaitable[None]]) -> None:
        """Call `handler` for each live message; lasts as long as the bus. Unreadable messages are logged."""
        on_message = _reading(model, handler)
        await self.stand(lambda client: client.subscribe(subject, cb=on_message))

    @asynccontextmanager
    async def listening(
        self, subject: str, model: type[M], handler: Callable[[M], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Call `handler` for each live message while the context is open, which does not wait for NATS."""
        on_message = _reading(model, handler)
        subscriptions: list[Subscription] = []

        async def setup(client: Client) -> None:
            subscriptions.append(await client.subscribe(subject, cb=on_message))

        async with TaskSet("bus") as tasks:
            tasks.spawn(self.stand(setup), "listening")
            try:
                yield
            finally:
                self.no_longer(setup)
                for subscription in subscriptions:
                    with suppress(*FAILURES):
                        await subscription.unsubscribe()

    async def request(self, subject: str, message: Message, answer: type[M], timeout: float = 3.0) -> M:
        """Ask a service; BusUnavailable when nobody answers in time."""
        try:
            reply = await call(self.line().request(subject, message.encode(), timeout=timeout))
            return answer.decode(reply.data)
        except (*FAILURES, ValidationError) as error:
            raise BusUnavailable(f"no answer on {subject}: {sentence(error)}") from error

    async def answer(self, service: str, version: str, verbs: Mapping[str, Verb[Any]]) -> None:
        """Answer `vprinter.rpc.<service>.<verb>` and NATS' own service discovery; lasts as long as the bus."""

        async def serve(client: Client) -> None:
            micro = await add_service(client, name=service, version=version)
            for name, verb in verbs.items():

                async def respond(request: Request, verb: Verb[Any] = verb) -> None:
                    try:
                        asked = verb.request.decode(request.data)
                    except ValidationError as error:
                        await request.respond_error("400", f"unreadable: {', '.join(_fields(error))}")
                        return
                    await request.respond((await verb.answer(asked)).encode())

                subject = subjects.rpc(service, name)
                # A verb may hold a dot, a name may not.
                await micro.add_endpoint(EndpointConfig(name=name.replace(".", "-"), subject=subject, handler=respond))

        await self.stand(serve)


def _reading(model: type[M], handler: Callable[[M], Awaitable[None]]) -> Callable[[Msg], Awaitable[None]]:
    """A handler of raw messages."""

    async def on_message(msg: Msg) -> None:
        try:
            message = model.decode(msg.data)
        except ValidationError as error:
            log.warning("message_unreadable", subject=msg.subject, fields=_fields(error))
            return
        await handler(message)

    return on_message


def _fields(error: ValidationError) -> list[str]:
    """Where a message is wrong; its values may be secret."""
    return [".".join(map(str, each["loc"])) or each["type"] for each in error.errors()]
