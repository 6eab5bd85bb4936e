"""What is between a slicer and a real printer breaks in the middle of an upload: the slicer never hears of a success."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import sha256

import pytest

from tests.simulators.ftps import FtpsSession
from tests.simulators.gates import Blocked
from tests.simulators.printer import vsftpd
from tests.simulators.printer.printer import Character, SimulatedPrinter
from tests.simulators.profiles import STUDIO_27
from tests.simulators.slicer import USER, Slicer
from tests.system.harness import System, accepts
from tests.system.processes import NATS, SERVICES, Separate, wait_for
from tests.system.proxies import Proxy, behind, real_printer

pytestmark = [pytest.mark.full, pytest.mark.timeout(240)]

CONTENT = secrets.token_bytes(8 * 1024 * 1024)
HALF = len(CONTENT) // 2


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("broken"), supervised=False) as running:
        running.remove_first_printer()
        yield running


@pytest.fixture
def real(house: System) -> Iterator[Callable[..., SimulatedPrinter]]:
    with ExitStack() as printers:
        yield lambda *kind, **options: printers.enter_context(real_printer(house, *kind, **options))


@pytest.fixture(params=list(Character))
def character(request: pytest.FixtureRequest) -> Character:
    if request.param is Character.VSFTPD and (reason := vsftpd.why_not()):
        pytest.skip(reason)
    return Character(request.param)


@pytest.fixture(params=["terminate", "passthrough"])
def strategy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def uploading(proxy: Proxy, name: str = "half.gcode.3mf") -> Iterator[FtpsSession]:
    """A session that has sent half of a file, of which the printer has some."""
    slicer = proxy.slicer(STUDIO_27)
    slicer.add()
    with slicer.ftps() as session:
        session.login(USER, proxy.real.access_code)
        session.begin_store(name)
        session.write(CONTENT[:HALF])
        file = proxy.real.root / name
        proxy.real.wait_for(lambda: file.exists() and file.stat().st_size, "the printer has some of it")
        yield session


@contextmanager
def undisturbed(*slicers: Slicer) -> Iterator[None]:
    """Sessions that must go on as if nothing had happened."""
    yield
    for slicer in slicers:
        slicer.await_pushes(2)
        assert slicer.link.closed is None


def revive(house: System, service: str) -> None:
    """Start what was killed, as a supervisor does."""
    assert isinstance(house.processes, Separate)
    house.processes.start_one(service)
    if service != NATS:
        house.await_ready(service)
        return
    for each in SERVICES:
        wait_for(lambda each=each: "nats" not in house.health(each, "readyz")[1], f"{each} is connected again", 30)  # type: ignore[misc]


def send_again(proxy: Proxy, name: str = "again.gcode.3mf") -> None:
    """The next try works."""
    with proxy.connected(STUDIO_27) as slicer:
        sent = slicer.upload(name, CONTENT)
    assert sha256((proxy.real.root / name).read_bytes()).hexdigest() == sent.sha256


def test_a_proxy_that_dies_is_a_failure_and_other_printers_go_on(
    strategy: str, character: Character, house: System, real: Callable[..., SimulatedPrinter]
) -> None:
    proxy = behind(house, real(character), relay={"ftp": strategy, "camera": False})
    with house.slicer(house.new_printer(), STUDIO_27) as neighbour:
        neighbour.add()
        neighbour.connect()
        with undisturbed(neighbour), uploading(proxy) as session:
            house.kill("proxy")
            with pytest.raises(Blocked):
                session.finish_store(CONTENT[HALF:])
        revive(house, "proxy")
        for port in (house.ports.mqtt, house.ports.ftps):
            wait_for(partial(accepts, proxy.printer.address, port), f"port {port} is open again", 30)
    send_again(proxy)


def test_a_printer_that_dies_halfway_is_a_failure_and_other_proxies_keep_their_sessions(
    strategy: str, character: Character, house: System, real: Callable[..., SimulatedPrinter]
) -> None:
    printer, other = real(character), real()
    proxy = behind(house, printer, relay={"ftp": strategy, "camera": False})
    beside = behind(house, other)
    with beside.connected(STUDIO_27) as neighbour:
        sessions = other.broker.connects
        with undisturbed(neighbour), uploading(proxy) as session:
            printer.power_off()
            with pytest.raises(Blocked):
                session.finish_store(CONTENT[HALF:])
        assert other.broker.connects == sessions, "the unrelated session is the one from before"
    printer.power_on()
    send_again(proxy)


def test_a_printer_that_dies_between_the_last_byte_and_its_226_is_a_failure(
    strategy: str, house: System, real: Callable[..., SimulatedPrinter]
) -> None:
    printer = real(Character.LATE, final_delay=3)
    proxy = behind(house, printer, relay={"ftp": strategy, "camera": False})
    with uploading(proxy) as session:
        session.write(CONTENT[HALF:])
        session.finish_data()
        file = printer.root / "half.gcode.3mf"
        printer.wait_for(lambda: file.stat().st_size == len(CONTENT), "all has arrived")
        printer.power_off()
        with pytest.raises(Blocked):
            session.stored()
    printer.power_on()
    send_again(proxy)


@pytest.mark.parametrize("service", [NATS, "control"])
def test_an_upload_survives_the_death_of_what_it_does_not_need_and_so_do_all_sessions(
    service: str, strategy: str, house: System, real: Callable[..., SimulatedPrinter]
) -> None:
    printer, other = real(), real()
    proxy = behind(house, printer, relay={"ftp": strategy, "camera": False})
    with behind(house, other).connected(STUDIO_27) as neighbour:
        slicers = [session for session in other.sessions if session.startswith("studio")]
        with undisturbed(neighbour), uploading(proxy) as session:
            house.kill(service)
            session.finish_store(CONTENT[HALF:])
        assert sha256((printer.root / "half.gcode.3mf").read_bytes()).digest() == sha256(CONTENT).digest()
        send_again(proxy)
        revive(house, service)
        neighbour.await_pushes(2)
        assert [session for session in other.sessions if session.startswith("studio")] == slicers
