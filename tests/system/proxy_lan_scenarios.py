"""A proxy between the slicers' LAN and the printers'. Run by test_proxy_netns.py in a network namespace of its own."""

import os
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256

import pytest

from tests.discovery.lans import INSIDE, Lan, ip, lan
from tests.ftps.client import RawClient
from tests.simulators import threemf
from tests.simulators.discovery import Ear
from tests.simulators.line import Line, tun
from tests.simulators.printer.printer import DATA_PORTS, Character, SimulatedPrinter
from tests.simulators.profiles import STUDIO_27
from tests.simulators.slicer import Slicer
from tests.system.harness import System
from tests.system.processes import wait_for
from tests.system.proxies import Proxy, await_served, behind, real_printer

pytestmark = [
    pytest.mark.skipif(INSIDE not in os.environ, reason="runs inside test_proxy_netns.py"),
    pytest.mark.timeout(900),
]
OURS, PRINTER, MOVED = "10.71.0.2", "10.72.0.20", "10.72.0.21"
BIG = 50 * 1024 * 1024
GONE_WITHIN = 150.0
"""Seconds; the proxy itself waits for two minutes, as cards may be slow."""


@pytest.fixture(scope="module")
def slicers() -> Iterator[Lan]:
    with lan("a0", OURS, "10.71.0.10") as made:
        yield made


@pytest.fixture(scope="module")
def printers() -> Iterator[Lan]:
    with lan("b0", "10.72.0.2", PRINTER) as made:
        yield made


@pytest.fixture(scope="module")
def system(slicers: Lan, printers: Lan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    ip("link", "set", "lo", "up")
    with System(tmp_path_factory.mktemp("between")) as running:
        running.remove_first_printer()
        yield running


@contextmanager
def switched_on(system: System, there: Lan) -> Iterator[SimulatedPrinter]:
    """A P1S in the printers' network, with its real data ports."""
    with ExitStack() as stack:
        printer = real_printer(system, Character.ESP, address=PRINTER, data=DATA_PORTS[Character.ESP])
        yield there.there(lambda: stack.enter_context(printer))


@pytest.fixture(scope="module")
def real(system: System, printers: Lan) -> Iterator[SimulatedPrinter]:
    with switched_on(system, printers) as printer:
        yield printer


@pytest.fixture(scope="module")
def proxy(system: System, real: SimulatedPrinter) -> Proxy:
    return behind(system, real, bind={"address": OURS})


def upload_from(there: Lan, slicer: Slicer, content: bytes, name: str) -> str:
    """Add, connect and send from a network; the SHA-256."""

    def work() -> str:
        with slicer:
            slicer.add()
            slicer.connect()
            return slicer.upload(name, content).sha256

    return there.there(work)


@contextmanager
def vanished(printers: Lan) -> Iterator[None]:
    """The printer's words no longer reach us: no end of a connection, no reset."""
    printers.ip("route", "add", "blackhole", "10.72.0.2")
    try:
        yield
    finally:
        printers.ip("route", "del", "blackhole", "10.72.0.2")


def stored(real: SimulatedPrinter, name: str) -> str:
    return sha256((real.root / name).read_bytes()).hexdigest()


@pytest.mark.parametrize("strategy", ["terminate", "passthrough"])
def test_a_slicer_finds_the_proxy_and_sends_through_it(
    strategy: str, system: System, slicers: Lan, real: SimulatedPrinter, proxy: Proxy
) -> None:
    system.api.patch(f"virtual-printers/{proxy.printer.id}", {"relay": {"ftp": strategy}})
    await_served(system, proxy.printer)
    with slicers.there(lambda: Ear("0.0.0.0", system.ports.ssdp)) as ear:
        real.keep_announcing("10.72.0.255", system.ports.ssdp, every=1)
        slicer = proxy.slicer(STUDIO_27, source=None)
        heard = slicer.find(ear, real.serial)
    assert (heard.address, heard.name, heard.version) == (OURS, "Relay", real.model.firmware)
    content = threemf.sliced(model="C12", title=strategy)
    assert upload_from(slicers, slicer, content, f"{strategy}.gcode.3mf") == stored(real, f"{strategy}.gcode.3mf")


def test_a_slicer_behind_a_router_adds_it_by_address(
    system: System, slicers: Lan, real: SimulatedPrinter, proxy: Proxy
) -> None:
    slicers.inside("sysctl", "-qw", "net.ipv4.ip_forward=1")
    ip("route", "add", "10.73.0.0/24", "via", slicers.address)
    with lan("f0", "10.73.0.1", "10.73.0.10", router=slicers) as far:
        far.ip("route", "add", "default", "via", "10.73.0.1")
        content = threemf.sliced(model="C12", title="from afar")
        slicer = proxy.slicer(STUDIO_27, source=None)
        assert upload_from(far, slicer, content, "afar.gcode.3mf") == stored(real, "afar.gcode.3mf")


def test_50_mb_survive_a_long_and_lossy_line(
    system: System, slicers: Lan, real: SimulatedPrinter, proxy: Proxy
) -> None:
    system.api.patch(f"virtual-printers/{proxy.printer.id}", {"relay": {"ftp": "terminate"}})
    await_served(system, proxy.printer)
    ours, theirs = tun("l0"), slicers.there(lambda: tun("l1"))
    for words in ("addr add 10.74.0.2/30 dev l0", "link set l0 up"):
        ip(*words.split())
    for words in ("addr add 10.74.0.1/30 dev l1", "link set l1 up", f"route add {OURS}/32 dev l1 src 10.74.0.1"):
        slicers.ip(*words.split())
    content = secrets.token_bytes(1024 * 1024) * (BIG // (1024 * 1024))
    with Line(ours, theirs, delay=0.05, loss=0.01) as line:
        slicer = proxy.slicer(STUDIO_27, source=None)
        assert upload_from(slicers, slicer, content, "far.gcode.3mf") == stored(real, "far.gcode.3mf")
        assert line.lost > 100


@pytest.fixture(params=["terminate", "passthrough"])
def either(request: pytest.FixtureRequest, system: System, proxy: Proxy) -> Proxy:
    """The proxy, with either strategy."""
    system.api.patch(f"virtual-printers/{proxy.printer.id}", {"relay": {"ftp": request.param}})
    await_served(system, proxy.printer)
    return proxy


def test_a_printer_that_vanishes_in_the_middle_of_an_upload_is_a_failure(
    system: System, slicers: Lan, printers: Lan, real: SimulatedPrinter, either: Proxy
) -> None:
    ca_file = system.data / "both.crt"
    ca_file.write_text(either.ca_pem)

    def send() -> str:
        with RawClient(system.ports.ftps, ca_file, OURS) as client:
            client.login(real.access_code)
            client.control.settimeout(GONE_WITHIN)
            high, low = client.command("PASV").rpartition(")")[0].split(",")[-2:]
            with socket.create_connection((OURS, int(high) * 256 + int(low)), GONE_WITHIN) as data:
                assert client.code("STOR gone.gcode.3mf") == 150
                with client.secure(data) as secured, vanished(printers):
                    secured.settimeout(GONE_WITHIN)
                    with pytest.raises((ConnectionError, ssl.SSLEOFError)):  # Python's words for a reset
                        secured.sendall(bytes(BIG))
            with suppress(OSError):
                return client.reply()
            return ""

    assert not slicers.there(send).startswith("2")
    wait_for(lambda: real.sessions, "the printer is watched again", 90)
    content = threemf.sliced(model="C12", title="back")
    slicer = either.slicer(STUDIO_27, source=None)
    assert upload_from(slicers, slicer, content, "back.gcode.3mf") == stored(real, "back.gcode.3mf")


def test_the_proxy_follows_its_printer_to_another_address(
    system: System, slicers: Lan, printers: Lan, real: SimulatedPrinter, proxy: Proxy
) -> None:
    printers.ip("addr", "add", f"{MOVED}/24", "brd", "+", "dev", "s0")
    real.move(MOVED)
    real.keep_announcing("10.72.0.255", system.ports.ssdp, every=1)
    (known,) = system.api.items("printers")
    path = f"printers/{known['id']}"
    wait_for(lambda: system.api.get(path)["host"] == MOVED, "control knows the new address", 90)
    wait_for(lambda: real.sessions, "the new address is connected to", 60)
    await_served(system, proxy.printer)
    content = threemf.sliced(model="C12", title="moved")
    slicer = proxy.slicer(STUDIO_27, source=None)
    assert upload_from(slicers, slicer, content, "moved.gcode.3mf") == stored(real, "moved.gcode.3mf")
