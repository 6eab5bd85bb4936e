"""Our own MQTT session with a real printer, by aiomqtt.

aiomqtt connects in a thread of the event loop's own pool, which has few, and says of what went wrong there only a text. So
TCP is tried first without a thread; at most some sessions are made at once; and the certificate is looked at within the
handshake, before the access code is sent to whoever shows it.
"""

import asyncio
import hashlib
import json
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiomqtt

from vprinter_common.access import USER
from vprinter_common.contracts.printer import Target
from vprinter_common.contracts.target import TargetTrouble
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.wire.report import MAX_PAYLOAD
from vprinter_proxy.upstream import Troubled, check_certificate, connect, printer_context, tls_trouble

CONNACK_WITHIN = 5.0
KEEP_ALIVE = 20
"""Seconds between pings while nothing else is said."""
SILENT_AFTER = 30.0
"""Seconds without a word after which a printer counts as gone; slicers take as long."""
MAX_UNREAD = 64
"""Messages that wait to be read; the newest are dropped beyond that, and the next whole report has it all again."""
AT_ONCE = 3
"""Sessions that are being made at the same moment; each takes a thread meanwhile."""

_BAD_CODE = frozenset({134, 135})
_UNAVAILABLE = 136
"""What paho makes of CONNACK 4, 5, and 3."""


@dataclass(slots=True)
class Shown:
    """What was seen on the way to a printer, and what is wrong with it."""

    address: str = ""
    fingerprint: str = ""
    trouble: Troubled | None = None


class PrinterSession:
    """An open session; `open_session` makes it."""

    def __init__(self, client: aiomqtt.Client, target: Target) -> None:
        self._client = client
        self._target = target

    async def ask_for_everything(self) -> None:
        """Once per session: some models grow slow if they are asked often. Raises Troubled."""
        for section, request in (
            ("info", {"sequence_id": _sequence_id(), "command": "get_version"}),
            ("pushing", {"sequence_id": _sequence_id(), "command": "pushall", "version": 1, "push_target": 1}),
        ):
            await self.request(json.dumps({section: request}), qos=0)

    async def request(self, payload: str, qos: int = 1) -> None:
        """Send a command. Raises Troubled if the printer does not take it."""
        try:
            await self._client.publish(f"device/{self._target.serial}/request", payload, qos, timeout=CONNACK_WITHIN)
        except aiomqtt.MqttError as error:
            raise self._broken(error) from error
        _heed_cancellation()

    async def subscribe(self) -> None:
        """Listen to the printer. Raises Troubled."""
        try:
            await self._client.subscribe(f"device/{self._target.serial}/report", timeout=CONNACK_WITHIN)
        except aiomqtt.MqttError as error:
            raise self._broken(error) from error
        _heed_cancellation()

    async def payloads(self) -> AsyncIterator[bytes]:
        """What the printer says, until it falls silent or the session breaks, which raises Troubled."""
        messages = self._client.messages
        while True:
            try:
                async with asyncio.timeout(SILENT_AFTER):
                    message = await anext(messages)
            except TimeoutError:
                raise Troubled(
                    TargetTrouble.SILENT,
                    f"{self._target.host} has said nothing for {SILENT_AFTER:g} s; switch the printer off and on if that lasts",
                ) from None
            except aiomqtt.MqttError as error:
                raise self._broken(error) from error
            if isinstance(message.payload, bytes | bytearray) and len(message.payload) <= MAX_PAYLOAD:
                yield bytes(message.payload)

    def _broken(self, error: Exception) -> Troubled:
        return Troubled(
            TargetTrouble.UNREACHABLE,
            f"the connection to {self._target.host} broke ({_cause(error)}); is the printer on, and on this network?",
        )


class Sessions:
    """Makes sessions, a few at once."""

    def __init__(self, port: int, tasks: TaskSet) -> None:
        self._port = port
        self._tasks = tasks
        self._turn = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def open(self, target: Target, shown: Shown) -> AsyncIterator[PrinterSession]:
        """Connect, check the certificate, and log in; raises Troubled. What was seen on the way is written to `shown`."""
        reached = await connect(target, self._port)
        shown.address = reached.getpeername()[0]
        reached.close()
        client = aiomqtt.Client(
            shown.address,
            self._port,
            username=USER,
            password=target.access_code.get_secret_value(),
            identifier=f"vprinter-{random.randrange(1 << 32):08x}",  # noqa: S311 - tells sessions apart, no secret
            tls_context=_checking(target, shown),
            tls_insecure=True,  # or paho would compare the certificate's name with the address
            keepalive=KEEP_ALIVE,
            timeout=CONNACK_WITHIN,
            max_queued_incoming_messages=MAX_UNREAD,
        )
        try:
            async with self._turn:
                error = await self._enter(client)
            if error is not None:
                raise _trouble(f"{target.host}:{self._port}", client, shown, error) from error
            yield PrinterSession(client, target)
        finally:
            await _leave(client)

    async def _enter(self, client: aiomqtt.Client) -> aiomqtt.MqttError | None:
        """Log in; what went wrong. Who cannot wait any longer leaves it to end by itself: a thread is not broken off."""
        abandoned = False

        async def attempt() -> aiomqtt.MqttError | None:
            try:
                await client.__aenter__()
            except aiomqtt.MqttError as error:
                return error
            finally:
                if abandoned:
                    await _leave(client)
            return None

        try:
            return await asyncio.shield(self._tasks.spawn(attempt(), "login"))
        except asyncio.CancelledError:
            abandoned = True
            raise


async def _leave(client: aiomqtt.Client) -> None:
    """End the session, or what is left of an attempt at one: aiomqtt closes nothing that it could not log in to."""
    paho = client._client  # noqa: SLF001 - the only way to it
    if paho.is_connected():
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
    if paho.socket() is not None:
        paho._sock_close()  # noqa: SLF001
    if client._disconnected.done():  # noqa: SLF001
        client._disconnected.exception()  # noqa: SLF001 - or asyncio complains that nobody looked


def _heed_cancellation() -> None:
    """aiomqtt waits by `asyncio.wait_for`, which before Python 3.12 swallows one that comes together with the answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _trouble(where: str, client: aiomqtt.Client, shown: Shown, error: aiomqtt.MqttError) -> Troubled:
    if shown.trouble is not None:
        return shown.trouble
    if isinstance(error, aiomqtt.MqttCodeError):
        return _refused(where, error)
    if not shown.fingerprint:
        return tls_trouble(where, error)
    if client._client.socket() is None:  # noqa: SLF001 - closed by the printer, which aiomqtt does not tell
        return _busy(where)
    return Troubled(TargetTrouble.SILENT, f"{where} does not answer a login within {CONNACK_WITHIN:g} s")


def _refused(where: str, error: aiomqtt.MqttCodeError) -> Troubled:
    code = getattr(error.rc, "value", error.rc)
    if code in _BAD_CODE:
        return Troubled(
            TargetTrouble.ACCESS_CODE, f"{where} refuses the access code; type the one that the printer shows now"
        )
    if code == _UNAVAILABLE:
        return _busy(where)
    return Troubled(TargetTrouble.REFUSED, f"{where} refuses the session (code {code}); is it a printer?")


def _busy(where: str) -> Troubled:
    return Troubled(
        TargetTrouble.BUSY,
        f"{where} takes no further session; close one of the slicers or apps that are connected to it",
    )


def _cause(error: BaseException) -> str:
    return str(error.__cause__ or error)


def _sequence_id() -> str:
    """Away from those that slicers use, from 20000 on."""
    return str(random.randrange(1000, 9999))  # noqa: S311 - no secret


def _checking(target: Target, shown: Shown) -> ssl.SSLContext:
    """A context whose handshakes end at once with anybody else than the printer."""

    class Checked(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            try:
                super().do_handshake(block)
                leaf = self.getpeercert(binary_form=True) or b""
                shown.fingerprint = hashlib.sha256(leaf).hexdigest()
                check_certificate(leaf, shown.address, target.serial, target.fingerprint)
            except BaseException as error:
                self.close()  # paho would leave it open
                if isinstance(error, Troubled):
                    shown.trouble = error
                    raise ssl.SSLError(str(error)) from error
                raise

    context = printer_context()
    context.sslsocket_class = Checked
    return context
