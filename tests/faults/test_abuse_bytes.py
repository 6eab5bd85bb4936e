"""Bytes that make no sense, on every port."""

import json
import random
import socket
import time
from collections.abc import Callable

import pytest

from tests.faults import attacks
from tests.faults.ledger import Ledger
from tests.simulators.ftps import FtpRefused
from tests.simulators.mqtt import mqtt_length
from tests.simulators.profiles import ORCA_CLEARTEXT, STUDIO_27
from tests.system.harness import Printer, System

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("peace")]

ROUNDS = 60
MEGABYTE = 1_000_000


@pytest.mark.parametrize("port", ["detect", "detect_tls", "mqtt", "ftps", "control"])
def test_garbage_is_answered_by_closing(house: System, target: Printer, attacker: str, port: str) -> None:
    address = house.address(1) if port == "control" else target.address
    for data in attacks.garbage(1, ROUNDS):
        with attacks.connect(attacker, address, getattr(house.ports, port)) as sock:
            attacks.send(sock, data)
            attacks.finish(sock)


@pytest.mark.parametrize("port", ["detect_tls", "mqtt", "ftps"])
def test_garbage_within_tls_is_answered_by_closing(house: System, target: Printer, attacker: str, port: str) -> None:
    for data in attacks.garbage(2, ROUNDS):
        with attacks.connect_tls(attacker, target.address, getattr(house.ports, port)) as sock:
            attacks.send(sock, data)
            attacks.finish(sock)


def test_garbage_datagrams_are_ignored(house: System, target: Printer, attacker: str) -> None:
    rng = random.Random(3)
    heads = (b"", b"M-SEARCH * HTTP/1.1\r\n", b"NOTIFY * HTTP/1.1\r\nLocation: ", b"HTTP/1.1 200 OK\r\nUSN: a\r\nb:")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind((attacker, 0))
        for number in range(3000):
            size = rng.choice((0, 10, 1400, 9000))
            where = target.address if number % 2 else "127.255.255.255"
            sock.sendto(heads[number % 4] + rng.randbytes(size), (where, house.ports.ssdp))


@pytest.mark.parametrize("logged_in", [False, True], ids=["before login", "after login"])
@pytest.mark.parametrize(
    "head",
    [b"\x10" + mqtt_length(300 * MEGABYTE)[:4], b"\x30" + mqtt_length(260 * MEGABYTE)],
    ids=["connect", "publish"],
)
def test_a_packet_of_hundreds_of_megabytes_is_refused_by_its_announcement(
    house: System, target: Printer, attacker: str, logged_in: bool, head: bytes
) -> None:
    with attacks.connect_tls(attacker, target.address, house.ports.mqtt) as sock:
        if logged_in:
            attacks.send(sock, attacks.mqtt_login(target.code))
            assert sock.recv(4)[:1] == b"\x20"
        began = time.monotonic()
        attacks.send(sock, head)
        for _ in range(300):
            attacks.send(sock, bytes(MEGABYTE))
        attacks.answer(sock)
        assert time.monotonic() - began < 5, "it was read to its end"


def test_a_command_line_without_end_is_refused(house: System, target: Printer, attacker: str) -> None:
    with attacks.connect_tls(attacker, target.address, house.ports.ftps) as sock:
        attacks.send(sock, b"USER " + b"a" * 10 * MEGABYTE)
        assert b"500 a command line has at most" in attacks.answer(sock)


def test_a_flood_of_commands_waits_in_the_network(house: System, target: Printer, attacker: str) -> None:
    with attacks.connect_tls(attacker, target.address, house.ports.ftps) as sock:
        sock.settimeout(1)
        with pytest.raises(TimeoutError):
            sock.sendall(b"NOOP\r\n" * 20 * MEGABYTE)


def test_garbage_on_a_data_connection_ends_that_transfer_only(ledger: Ledger, attacker: str) -> None:
    for data in attacks.garbage(4, 20):
        with ledger.session(ORCA_CLEARTEXT, attacker) as session:
            session.begin_store("garbage.gcode.3mf")
            attacks.send(session.data, data or b"x")
            attacks.finish(session.data)
            with pytest.raises(FtpRefused) as refused:
                session.stored()
            assert refused.value.reply is not None
            assert refused.value.reply.code in (425, 426), refused.value.reply
            session.command("NOOP", 200)


def test_a_stranger_cannot_take_a_data_connection(
    house: System, target: Printer, ledger: Ledger, attacker: str
) -> None:
    with ledger.session(STUDIO_27) as session:
        port = int(session.command("EPSV", 229).text.split("|")[3])
        with attacks.connect(attacker, target.address, port) as sock:
            assert attacks.answer(sock) == b""
        session.command("NOOP", 200)


DEEP = 100_000


@pytest.mark.parametrize(
    "payload",
    [
        b'{"print":' * (DEEP // 4),
        b"[" * DEEP,
        b'{"print": {"command": "push_status", "sequence_id": %s}}' % (b"9" * 50_000),
        b'{"print": {"command": {}, "sequence_id": []}}',
        b'{"pushing": []}',
        b'{"info": {"command": "get_version", "sequence_id": "%s"}}' % (b"9" * 200_000),
        b'{"print": {"command": "project_file", "param": 5, "url": [], "file": {}, "subtask_name": null}}',
        b'{"print": {"command": "project_file", "url": "ftp://../../../etc/passwd", "param": "../../x"}}',
        b"\xff\xfe\0\0",
        b'"\\ud800"',
        b"NaN",
        b"",
    ],
    ids=range(12),
)
def test_requests_that_make_no_sense_cost_nothing_but_themselves(
    house: System, target: Printer, attacker: str, payload: bytes
) -> None:
    with house.slicer(target, STUDIO_27, source=attacker) as slicer:
        slicer.add()
        slicer.connect()
        for qos in (0, 1):
            slicer.link.publish(f"device/{target.serial}/request", payload, qos)
        before = slicer.device.pushes
        slicer.watch(lambda device: device.pushes >= before + 2, "reports go on", timeout=5)


def test_requests_with_values_of_any_kind_are_borne(house: System, target: Printer, attacker: str) -> None:
    rng = random.Random(5)
    commands = ("project_file", "pushall", "get_version", "extrusion_cali_get", "get_access_code", "ledctrl", "stop")
    values: tuple[Callable[[], object], ...] = (
        lambda: rng.randrange(-(1 << 70), 1 << 70),
        lambda: "x" * rng.randrange(300),
        lambda: None,
        lambda: [[[]]] * rng.randrange(5),
        lambda: {"a": {"b": rng.random()}},
        lambda: "\0\r\n/../" * rng.randrange(5),
        lambda: True,
    )
    keys = ("sequence_id", "url", "param", "file", "subtask_name", "ams_mapping", "filament_id", "led_node", "plate")
    with house.slicer(target, STUDIO_27, source=attacker) as slicer:
        slicer.add()
        slicer.connect()
        for _ in range(300):
            content = {key: rng.choice(values)() for key in rng.sample(keys, 4)}
            section = rng.choice(("print", "pushing", "info", "system", "camera", "upgrade", "xcam"))
            body = {section: {"command": rng.choice(commands), **content}}
            slicer.link.publish(f"device/{target.serial}/request", json.dumps(body).encode(), qos=1)
        slicer.link.ping()


@pytest.mark.parametrize("port", ["detect", "detect_tls"])
def test_deep_json_in_detect_is_refused(house: System, target: Printer, attacker: str, port: str) -> None:
    body = b'{"login":' * 400
    frame = b"\xa5\xa5" + (len(body) + 6).to_bytes(2, "little") + body + b"\xa7\xa7"
    open_ = attacks.connect if port == "detect" else attacks.connect_tls
    with open_(attacker, target.address, getattr(house.ports, port)) as sock:
        attacks.send(sock, frame)
        assert attacks.answer(sock) == b""
