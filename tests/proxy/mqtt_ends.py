"""Both ends of an MQTT relay, in the test's own hands: a slicer, and a printer that can be made to misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from cryptography import x509

from tests.proxy.rig import TARGET, authority, leaf
from vprinter_common.tls import client_context, printer_server_context
from vprinter_common.wire.mqtt import ConnectRequested, Published, ServerSession
from vprinter_common.wire.mqtt_packets import (
    Connack,
    Connect,
    ConnectCode,
    Packet,
    PacketReader,
    Publish,
    Subscribe,
    Subscription,
    decode,
)

SERIAL, CODE = TARGET["serial"], TARGET["access_code"]
REQUEST, REPORT = f"device/{SERIAL}/request", f"device/{SERIAL}/report"
WITHIN = 20.0


@dataclass(slots=True, eq=False)
class AtPrinter:
    """A session as the printer has it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    mqtt: ServerSession = field(default_factory=ServerSession)

    def say(self, payload: bytes, topic: str = REPORT, qos: int = 0) -> None:
        """Publish to the slicer, whether it subscribed or not."""
        if not self.writer.is_closing():
            self.writer.write(Publish(topic, payload, qos, 7 if qos else None).encode())

    def write(self, data: bytes) -> None:
        """Send any bytes."""
        self.writer.write(data)

    async def drop(self) -> None:
        """Cut the connection."""
        self.writer.transport.abort()
        with suppress(OSError):
            await self.writer.wait_closed()


class FakePrinter:
    """A printer that answers logins and acknowledges what it gets; everything else the test does."""

    def __init__(self) -> None:
        self.verdict: ConnectCode | None = None
        """None = by the code."""
        self.mute = False
        """Says nothing at all, not even CONNACK."""
        self.greeting = b""
        """Said before anything is asked."""
        self.hears = asyncio.Event()
        """Cleared: it reads nothing more."""
        self.hears.set()
        self.sessions: list[AtPrinter] = []
        self.connections = 0
        self.heard: list[tuple[str, bytes]] = []
        """Every message that reached it."""
        self.plaintext = b""
        """Every byte that reached it."""

    @property
    def session(self) -> AtPrinter:
        """The newest session."""
        return self.sessions[-1]

    @asynccontextmanager
    async def on(self, address: str, owner: str = "printer", serial: str = SERIAL) -> AsyncIterator[int]:
        """Switched on at an address; gives the port."""
        shown = leaf(serial, owner)
        context = printer_server_context(shown.chain_pem, shown.key_pem)
        server = await asyncio.start_server(self._serve, address, 0, ssl=context)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for session in self.sessions:
                session.writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = AtPrinter(reader, writer)
        self.sessions.append(session)
        self.connections += 1
        writer.write(self.greeting)
        try:
            await self._converse(session)
        except OSError:
            pass
        finally:
            self.sessions.remove(session)
            writer.close()

    async def _converse(self, session: AtPrinter) -> None:
        mqtt = session.mqtt
        while not mqtt.should_close:
            await self.hears.wait()
            if not (data := await session.reader.read(1 << 16)):
                return
            self.plaintext += data
            mqtt.receive_data(data)
            while events := mqtt.events_received():
                for event in events:
                    match event:
                        case ConnectRequested():
                            self._judge(mqtt, event)
                        case Published(topic, payload, _):
                            self.heard.append((topic, payload))
            if not self.mute:
                session.writer.write(mqtt.data_to_send())
                await session.writer.drain()

    def _judge(self, mqtt: ServerSession, wanted: ConnectRequested) -> None:
        right = wanted.password == CODE.encode()
        code = self.verdict or (ConnectCode.ACCEPTED if right else ConnectCode.NOT_AUTHORISED)
        if code is ConnectCode.ACCEPTED:
            mqtt.accept()
        else:
            mqtt.refuse(code)


class FakeSlicer:
    """A slicer's MQTT connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._packets = PacketReader(1 << 21)
        self.plaintext = b""
        """Every byte that it got."""

    def send(self, *packets: Packet) -> None:
        """Send packets at once."""
        self.writer.write(b"".join(packet.encode() for packet in packets))

    async def next(self) -> Packet | None:
        """The next packet; None at the end of the connection."""
        async with asyncio.timeout(WITHIN):
            while (raw := self._packets.next_packet()) is None:
                try:
                    data = await self._reader.read(1 << 16)
                except OSError:
                    return None
                if not data:
                    return None
                self.plaintext += data
                self._packets.feed(data)
        return decode(raw)

    async def message(self) -> Publish:
        """The next message."""
        while not isinstance(packet := await self.next(), Publish):
            assert packet is not None, "the connection was closed"
        return packet

    async def closed(self) -> None:
        """Wait for the end of the connection."""
        while await self.next() is not None:
            pass

    async def log_in(self, code: str = CODE) -> Connack:
        """CONNECT, and what comes of it."""
        self.send(Connect("studio_client_id:0001", b"bblp", code.encode(), 60))
        packet = await self.next()
        assert isinstance(packet, Connack)
        return packet

    async def listen(self, topic: str = REPORT) -> None:
        """Log in and subscribe."""
        assert (await self.log_in()).code is ConnectCode.ACCEPTED
        self.send(Subscribe(1, (Subscription(topic),)))
        await self.next()

    def ask(self, payload: bytes, qos: int = 0, packet_id: int = 5) -> None:
        """Publish a request."""
        self.send(Publish(REQUEST, payload, qos, packet_id if qos else None))


@asynccontextmanager
async def slicer(address: str, port: int) -> AsyncIterator[FakeSlicer]:
    """A slicer, connected in TLS; it sees that the certificate is of our CA and names the printer."""
    context = client_context(authority().certificate_pem)
    reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname="", limit=1 << 16)
    shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
    assert f"CN={SERIAL}" in x509.load_der_x509_certificate(shown.getpeercert(True) or b"").subject.rfc4514_string()
    try:
        yield FakeSlicer(reader, writer)
    finally:
        writer.transport.abort()
