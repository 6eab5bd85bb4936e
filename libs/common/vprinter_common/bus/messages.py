"""Live messages and requests."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import EndpointConfig
from pydantic import ValidationError

from vprinter_common.bus.connection import FAILURES, BusUnavailable, Connection, call, sentence
from vprinter_common.contracts import subjects
from vprinter_common.contracts.message import Message

log = structlog.get_logger()

M = TypeVar("M", bound=Message)


class Messages(Connection):
    """What is heard by whoever listens now."""

    async def publish(self, subject: str, message: Message) -> None:
        """Publish a live message; dropped while NATS is away."""
        with suppress(BusUnavailable, nats.errors.Error):
            await self.line().publish(subject, message.encode())
            self._published.labels("live").inc()

    async def subscribe(self, subject: str, model: type[M], handler: Callable[[M], Awaitable[None]]) -> None:
        """Call `handler` for each live message; lasts as long as the bus. Unreadable messages are logged."""

        async def on_message(msg: Msg) -> None:
            try:
                message = model.decode(msg.data)
            except ValidationError as error:
                log.warning("message_unreadable", subject=msg.subject, fields=_fields(error))
                return
            await handler(message)

        await self.stand(lambda client: client.subscribe(subject, cb=on_message))

    async def request(self, subject: str, message: Message, answer: type[M], timeout: float = 3.0) -> M:
        """Ask a service; BusUnavailable when nobody answers in time."""
        try:
            reply = await call(self.line().request(subject, message.encode(), timeout=timeout))
            return answer.decode(reply.data)
        except (*FAILURES, ValidationError) as error:
            raise BusUnavailable(f"no answer on {subject}: {sentence(error)}") from error

    async def answer(self, service: str, version: str, verbs: Mapping[str, Callable[[], Awaitable[Message]]]) -> None:
        """Answer `vprinter.rpc.<service>.<verb>` and NATS' own service discovery; lasts as long as the bus."""

        async def serve(client: Client) -> None:
            micro = await add_service(client, name=service, version=version)
            for verb, handler in verbs.items():

                async def respond(request: Request, handler: Callable[[], Awaitable[Message]] = handler) -> None:
                    await request.respond((await handler()).encode())

                subject = subjects.rpc(service, verb)
                await micro.add_endpoint(EndpointConfig(name=verb, subject=subject, handler=respond))

        await self.stand(serve)


def _fields(error: ValidationError) -> list[str]:
    """Where a message is wrong; its values may be secret."""
    return [".".join(map(str, each["loc"])) or each["type"] for each in error.errors()]
