"""Connections that begin and do not go on."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.faults import attacks
from tests.faults.vitals import Vitals
from tests.system.harness import Printer, System

pytestmark = pytest.mark.full

CROWD = 200
HELD = 4.0
"""Seconds for which a crowd stays, while the neighbour goes about its business."""
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)


def test_200_half_open_tls_connections_on_every_tls_port_at_once(
    house: System, target: Printer, attacker: str, peace: Vitals
) -> None:
    ports = (house.ports.detect_tls, house.ports.mqtt, house.ports.ftps)
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(attacks.crowd(attacker, target.address, port, CROWD, HALF_A_HELLO))
        time.sleep(HELD)  # nothing is waited for: the neighbour needs some seconds of this to notice anything


def test_what_does_not_go_on_is_closed_within_seconds(
    house: System, target: Printer, attacker: str, peace: Vitals
) -> None:
    """Half a TLS handshake, and half a question in detect."""
    ports = house.ports
    beginnings = {
        ports.detect_tls: HALF_A_HELLO,
        ports.mqtt: HALF_A_HELLO,
        ports.ftps: HALF_A_HELLO,
        ports.detect: b"\xa5",
    }
    with ExitStack() as stack:
        socks = {port: stack.enter_context(attacks.connect(attacker, target.address, port)) for port in beginnings}
        began = time.monotonic()
        for port, sock in socks.items():
            attacks.send(sock, beginnings[port])
        for sock in socks.values():
            attacks.answer(sock)
        assert 5 < time.monotonic() - began < 15


@pytest.mark.parametrize("port", ["detect", "detect_tls", "mqtt", "ftps"])
def test_200_silent_connections_keep_nobody_out(
    house: System, target: Printer, attacker: str, port: str, peace: Vitals
) -> None:
    with silent_crowd(attacker, target.address, getattr(house.ports, port), tls=port != "detect"):
        time.sleep(HELD / 2)  # as above


@contextmanager
def silent_crowd(source: str, address: str, port: int, *, tls: bool) -> Iterator[None]:
    """Connections that say nothing after the handshake."""
    with ExitStack() as stack:
        for _ in range(CROWD):
            with suppress(OSError):  # refused beyond the limit of one address, which is right
                stack.enter_context((attacks.connect_tls if tls else attacks.connect)(source, address, port))
        yield


SLOW = {
    "detect": b'\xa5\xa5\x60\x00{"login":{"command":"detect","sequence_id":"20000"}}',
    "detect_tls": b'\xa5\xa5\x60\x00{"login":{"command":"detect","sequence_id":"20000"}}',
    "mqtt": b"\x10\x40\x00\x04MQTT\x04\xc2\x00\x1e",
    "ftps": b"USER bblp" + b"p" * 100,
    "control": b"GET /api/v1/models HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"a" * 100,
}


def test_slow_loris_on_every_port_at_once(house: System, target: Printer, attacker: str, peace: Vitals) -> None:
    """A byte now and then on 40 connections per port; the API and the neighbour go on."""
    stop = threading.Event()
    with ExitStack() as stack:
        lorises = []
        for port, text in SLOW.items():
            address = house.address(1) if port == "control" else target.address
            open_ = attacks.connect if port in ("detect", "control") else attacks.connect_tls
            for _ in range(40):
                with suppress(OSError):  # refused beyond the limit of one address
                    lorises.append((stack.enter_context(open_(attacker, address, getattr(house.ports, port))), text))
        assert len(lorises) >= 5 * 16
        for position in range(12):
            for sock, text in lorises:
                attacks.send(sock, text[position : position + 1])
            assert house.api.get("models")
            stop.wait(0.3)
