"""A printer's MQTT listener with real TLS connections on loopback."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.common.printers import CODE, SERIAL, as_certificate, certificate, virtual_printer
from tests.common.waiting import until
from vprinter_common.bus import BusUnavailable
from vprinter_common.contracts.facts import AuthFailed, JobRequested
from vprinter_common.contracts.live import UploadLive, UploadPhase
from vprinter_common.contracts.message import Event, Message
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.fleet.edge import Placement, Serving
from vprinter_common.listen import TlsServer, listen_tls
from vprinter_common.logins import Logins
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import HandshakeFailure, client_context, printer_server_context
from vprinter_common.wire.mqtt_packets import (
    Connack,
    Connect,
    ConnectCode,
    Packet,
    PacketReader,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    decode,
)
from vprinter_mqtt import client as client_module
from vprinter_mqtt.beat import Beat
from vprinter_mqtt.client import SlicerConnection
from vprinter_mqtt.messenger import Messenger
from vprinter_mqtt.metrics import Metrics
from vprinter_mqtt.printer import Printer
from vprinter_mqtt.transport import shake_hands

ADDRESS = "127.0.0.1"


class FakeBus:
    """Takes what is published; `away` makes facts fail."""

    def __init__(self) -> None:
        self.facts: list[Event] = []
        self.live: list[Message] = []
        self.away = False
        self.published = asyncio.Event()

    async def publish(self, _subject: str, message: Message) -> None:
        self.live.append(message)

    async def publish_fact(self, fact: Event, _message_id: str) -> None:
        if self.away:
            self.away = False
            raise BusUnavailable("away")
        self.facts.append(fact)
        self.published.set()


class Slicer:
    """The client side, packet by packet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._packets = PacketReader(1 << 20)

    def send(self, *packets: Packet) -> None:
        self.writer.write(b"".join(packet.encode() for packet in packets))

    async def next(self) -> Packet | None:
        async with asyncio.timeout(30):
            while (raw := self._packets.next_packet()) is None:
                data = await self._reader.read(65536)
                if not data:
                    return None
                self._packets.feed(data)
            return decode(raw)

    async def log_in(self, code: str = CODE, user: str = "bblp") -> ConnectCode:
        self.send(Connect("studio", username=user.encode(), password=code.encode()))
        answer = await self.next()
        assert isinstance(answer, Connack)
        return answer.code

    async def report(self) -> dict[str, Any]:
        """The next push_status."""
        while True:
            packet = await self.next()
            assert packet is not None, "the connection ended"
            if isinstance(packet, Publish):
                message = json.loads(packet.payload)
                if message.get("print", {}).get("command") == "push_status":
                    return {"topic": packet.topic, **message["print"]}

    async def ended(self) -> bool:
        while (await self.next()) is not None:
            pass
        return True


class Bench:
    """One printer, listening."""

    def __init__(self, tmp_path: Path) -> None:
        ca, leaf = certificate(tmp_path / "certs")
        self.bus = FakeBus()
        self.tasks = TaskSet("test")
        registry = CollectorRegistry()
        self.registry = registry
        self.now = 1000.0
        bus: Any = self.bus
        self.handshakes: list[HandshakeFailure | None] = []
        spec = virtual_printer(certificate=as_certificate(leaf))
        self.serving = Serving(spec, Placement("0.0.0.0", None, "10.9.8.7"))
        self.printer = Printer(
            self.serving,
            logins=Logins("mqtt", "n1", bus, registry=registry, tasks=self.tasks, clock=lambda: self.now),
            messenger=Messenger(bus, self.tasks),
            metrics=Metrics(registry),
            clock=lambda: self.now,
            max_clients=40,
        )
        self._server_context = printer_server_context(leaf.chain_pem, leaf.key_pem)
        self._client_context = client_context(ca.certificate_pem)
        self.server: TlsServer | None = None
        self._slicers: list[Slicer] = []
        self.shook_hands = asyncio.Event()
        self.left = asyncio.Event()

    async def open(self) -> None:
        self.server = await listen_tls(
            ADDRESS, 0, self._connection, self._server_context, self._on_handshake, shake_hands=shake_hands
        )
        self.tasks.spawn(self._beat(), "beat")

    async def _beat(self) -> None:
        beat = Beat()
        with beat.followed_by(self.printer.report):
            await beat.run()

    def _on_handshake(self, _client: str, failure: HandshakeFailure | None) -> None:
        self.handshakes.append(failure)
        self.shook_hands.set()

    @property
    def port(self) -> int:
        assert self.server is not None
        return int(self.server.sockets[0].getsockname()[1])

    def _connection(self) -> SlicerConnection:
        """A connection that says when it was lost."""
        connection = self.printer.connection()
        lost = connection.connection_lost

        def connection_lost(error: Exception | None) -> None:
            lost(error)
            self.left.set()

        connection.connection_lost = connection_lost  # type: ignore[method-assign,assignment]
        return connection

    async def connect(self) -> Slicer:
        reader, writer = await asyncio.open_connection(ADDRESS, self.port, ssl=self._client_context)
        slicer = Slicer(reader, writer)
        self._slicers.append(slicer)
        return slicer

    async def logged_in(self) -> Slicer:
        slicer = await self.connect()
        assert await slicer.log_in() is ConnectCode.ACCEPTED
        return slicer

    async def close(self) -> None:
        self.printer.close()
        await self.tasks.close()
        for slicer in self._slicers:
            slicer.writer.close()
            with contextlib.suppress(OSError):
                await slicer.writer.wait_closed()
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_a_report_comes_right_after_connack_and_again_after_suback(bench: Bench) -> None:
    slicer = await bench.logged_in()
    assert (await slicer.report())["topic"] == f"device/{SERIAL}/report"
    slicer.send(Subscribe(1, (Subscription(f"device/{SERIAL}/report", 0),)))
    while not isinstance(await slicer.next(), Suback):
        pass
    assert (await slicer.report())["gcode_state"] == "IDLE"


async def test_reports_go_on_by_themselves_with_a_growing_sequence(bench: Bench) -> None:
    slicer = await bench.logged_in()
    first, second = await slicer.report(), await slicer.report()
    assert int(second["sequence_id"]) > int(first["sequence_id"])


async def test_without_an_advertised_address_the_slicer_is_told_the_one_it_reached(bench: Bench) -> None:
    slicer = await bench.logged_in()
    assert (await slicer.report())["net"]["info"][0]["ip"] == 127 + (1 << 24)


async def test_a_slicer_with_an_old_serial_is_answered_under_it(bench: Bench) -> None:
    slicer = await bench.logged_in()
    await slicer.report()
    slicer.send(Subscribe(1, (Subscription("device/OLD123/report", 0),)))
    report = await slicer.report()
    while report["topic"] != "device/OLD123/report":
        report = await slicer.report()


async def test_a_qos_1_request_is_acknowledged_and_answered(bench: Bench) -> None:
    slicer = await bench.logged_in()
    request = json.dumps({"info": {"command": "get_version", "sequence_id": "20015"}}).encode() + b"\0"
    slicer.send(Publish(f"device/{SERIAL}/request", request, 1, 7))
    seen: list[Packet] = []
    while len(seen) < 2:
        packet = await slicer.next()
        if isinstance(packet, Puback) or (isinstance(packet, Publish) and b"get_version" in packet.payload):
            seen.append(packet)
    answer = next(packet for packet in seen if isinstance(packet, Publish))
    assert json.loads(answer.payload)["info"]["sequence_id"] == "20015"


async def test_a_ping_is_answered(bench: Bench) -> None:
    slicer = await bench.logged_in()
    slicer.send(Pingreq())
    while not isinstance(await slicer.next(), Pingresp):
        pass


@pytest.mark.parametrize(("user", "code"), [("bblp", "WrongOne"), ("root", CODE)])
async def test_a_wrong_code_or_user_gets_5_and_is_published(bench: Bench, user: str, code: str) -> None:
    slicer = await bench.connect()
    assert await slicer.log_in(code, user) is ConnectCode.NOT_AUTHORISED
    assert await slicer.ended()
    async with asyncio.timeout(30):
        await bench.bus.published.wait()
    assert isinstance(bench.bus.facts[0], AuthFailed)


async def test_after_five_wrong_codes_even_the_right_one_gets_3_for_a_minute(bench: Bench) -> None:
    for _ in range(5):
        assert await (await bench.connect()).log_in("WrongOne") is ConnectCode.NOT_AUTHORISED
    assert await (await bench.connect()).log_in() is ConnectCode.SERVER_UNAVAILABLE
    bench.now += 61
    assert await (await bench.connect()).log_in() is ConnectCode.ACCEPTED


async def test_anything_but_connect_closes_at_once(bench: Bench) -> None:
    slicer = await bench.connect()
    slicer.send(Pingreq())
    assert await slicer.ended()
    async with asyncio.timeout(30):
        await bench.left.wait()
    assert bench.count("vprinter_mqtt_rejected_connections_total", printer="p1", reason="protocol") == 1


async def test_a_client_that_never_says_connect_is_closed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CONNECT_WITHIN", 0.05)
    slicer = await bench.connect()
    assert await slicer.ended()


async def test_one_address_cannot_take_all_places_without_logging_in(bench: Bench) -> None:
    strangers = [await bench.connect() for _ in range(33)]
    assert await strangers[-1].ended()


async def test_a_revoked_code_ends_its_sessions_and_no_other(bench: Bench) -> None:
    slicer = await bench.logged_in()
    codes = [{"id": "c2", "code": "Another1"}]
    bench.serving.spec = VirtualPrinter.model_validate(
        bench.serving.spec.model_dump(mode="json") | {"access_codes": codes}
    )
    bench.printer.spec_changed()
    assert await slicer.ended()
    other = await bench.connect()
    assert await other.log_in("Another1") is ConnectCode.ACCEPTED
    bench.printer.spec_changed()
    await other.report()


def codes(bench: Bench, *given: tuple[str, str, str]) -> None:
    """Publish access codes: id, owner, code."""
    fields = [{"id": id_, "owner": owner, "code": code} for id_, owner, code in given]
    spec = bench.serving.spec.model_dump(mode="json") | {"access_codes": fields}
    bench.serving.spec = VirtualPrinter.model_validate(spec)
    bench.printer.spec_changed()


async def test_a_code_that_was_replaced_ends_its_sessions_though_its_id_stays(bench: Bench) -> None:
    codes(bench, ("c1", "Ada", CODE), ("c2", "Bob", "Another1"))
    ada, bob = await bench.logged_in(), await bench.connect()
    assert await bob.log_in("Another1") is ConnectCode.ACCEPTED
    codes(bench, ("c1", "Ada", "Replaced"), ("c2", "Bob", "Another1"))
    assert await ada.ended()
    await bob.report()


async def test_an_owner_who_is_named_anew_stays_connected_and_prints_under_the_new_name(bench: Bench) -> None:
    codes(bench, ("c1", "Ada", CODE))
    slicer = await bench.logged_in()
    codes(bench, ("c1", "Ada Lovelace", CODE))
    (listed,) = bench.serving.sessions.values()
    assert (listed.access_code, listed.owner) == ("c1", "Ada Lovelace")
    bench.tasks.spawn(bench.printer._messenger.deliver(), "jobs")
    body = {"command": "project_file", "sequence_id": "1", "url": "ftp://cube.gcode.3mf", "file": "cube.gcode.3mf"}
    slicer.send(Publish(f"device/{SERIAL}/request", json.dumps({"print": body}).encode()))
    async with asyncio.timeout(30):
        await bench.bus.published.wait()
    (job,) = bench.bus.facts
    assert isinstance(job, JobRequested)
    assert (job.access_code, job.owner) == ("c1", "Ada Lovelace")


async def test_a_slicer_that_does_not_read_is_evicted_and_delays_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "READ_WITHIN", 0.2)
    monkeypatch.setattr("vprinter_mqtt.beat.PERIOD", 0.001)
    good = await bench.logged_in()
    asleep = await bench.logged_in()
    asleep.writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def evicted() -> bool:
        while bench.count("vprinter_mqtt_rejected_connections_total", printer="p1", reason="not_reading") < 1:
            await good.report()
        return True

    async with asyncio.timeout(60):
        assert await evicted()
    asleep.writer.transport.abort()
    await until(lambda: bench.count("vprinter_mqtt_sessions", printer="p1") == 1)


async def test_a_print_is_acknowledged_shown_and_published_even_when_nats_was_away(bench: Bench) -> None:
    bench.bus.away = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vprinter_mqtt.messenger.RETRY", 0.01)
        bench.tasks.spawn(bench.printer._messenger.deliver(), "jobs")
        slicer = await bench.logged_in()
        body = {
            "command": "project_file",
            "sequence_id": "20001",
            "url": "ftp://cube.gcode.3mf",
            "file": "cube.gcode.3mf",
            "subtask_name": "cube",
            "param": "Metadata/plate_2.gcode",
        }
        slicer.send(Publish(f"device/{SERIAL}/request", json.dumps({"print": body}).encode()))
        async with asyncio.timeout(30):
            while (await slicer.report())["gcode_state"] != "PREPARE":
                pass
            await bench.bus.published.wait()
    job = bench.bus.facts[0]
    assert isinstance(job, JobRequested)
    assert (job.filename, job.plate, job.client) == ("cube.gcode.3mf", 2, ADDRESS)


async def test_an_upload_is_shown_to_its_slicer_until_finish(bench: Bench) -> None:
    slicer = await bench.logged_in()

    def upload(phase: UploadPhase, received: int = 0) -> UploadLive:
        return UploadLive(
            upload="u1", printer="p1", client=ADDRESS, filename="cube.gcode.3mf", phase=phase, received=received
        )

    bench.printer.upload_moved(upload(UploadPhase.STARTED))
    async with asyncio.timeout(30):
        while (await slicer.report())["gcode_state"] != "PREPARE":
            pass
        bench.printer.upload_moved(upload(UploadPhase.PROGRESS, 5 << 20))
        while (await slicer.report())["gcode_file_prepare_percent"] != "5":
            pass
        bench.printer.upload_moved(upload(UploadPhase.STORED, 6 << 20))
        report = await slicer.report()
        while report["gcode_state"] != "FINISH":
            report = await slicer.report()
    assert (report["subtask_name"], report["gcode_file_prepare_percent"]) == ("cube", "100")


async def test_a_slicer_that_does_not_trust_the_ca_is_told_apart(bench: Bench) -> None:
    def distrust() -> None:
        with (
            contextlib.suppress(ssl.SSLError),
            socket.create_connection((ADDRESS, bench.port), timeout=30) as raw,
            ssl.create_default_context().wrap_socket(raw, server_hostname="localhost"),
        ):
            pass

    await asyncio.to_thread(distrust)
    async with asyncio.timeout(30):
        await bench.shook_hands.wait()
    assert bench.handshakes == [HandshakeFailure.UNKNOWN_CA]
