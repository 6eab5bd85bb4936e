"""Docker's bridge instead of the host's network, as Docker Desktop needs it: one printer, reached at the host's address."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.compose import RUNNING, Compose, Deployed, environment
from tests.simulators import threemf
from tests.simulators.profiles import ORCA, STUDIO_27, Profile
from tests.simulators.slicer import Place
from tests.system.api import Api
from tests.system.processes import wait_for

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1500)]
TOKEN = "an-admin-token-for-the-bridge"


def own_address() -> str:
    """This host's address towards others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.connect(("192.0.2.1", 9))
        return str(asker.getsockname()[0])


@contextmanager
def reserved(ports: str) -> Iterator[None]:
    """No client of this host gets one of these ports by chance, as docs/operations/docker.md advises."""
    setting = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
    before = setting.read_text()
    setting.write_text(ports)
    try:
        yield
    finally:
        setting.write_text(before)


def _up(compose: Compose) -> None:
    """Start; what has such a port already ends soon."""

    def started() -> bool:
        try:
            compose.run("up", "--detach")
        except AssertionError as error:
            if "address already in use" not in str(error):
                raise
            compose.run("down", "--timeout", "5")
            return False
        return True

    wait_for(started, "the ports are free", 180)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The system on the bridge."""
    address = own_address()
    env_file = environment(
        tmp_path_factory.mktemp("bridge") / ".env", VIRTUAL_PRINTER_PASV_ADDRESS=address, VPRINTER_ADMIN_TOKEN=TOKEN
    )
    compose = Compose(env_file, "vprinter-bridge", ("docker-compose.yml", "compose.bridge.yml"))
    compose.run("build")
    try:
        with reserved("50000-50100"):
            _up(compose)
        compose.await_healthy(*RUNNING)
        api = Api(f"http://{address}:8000", TOKEN)
        wait_for(lambda: api.items("virtual-printers"), "the first printer", 60)
        (printer,) = api.items("virtual-printers")
        wait_for(lambda: api.get(f"virtual-printers/{printer['id']}/status")["state"] == "running", "it runs", 60)
        code = api.get(f"virtual-printers/{printer['id']}/access-codes")["items"][0]["code"]
        yield Deployed(api, Place(address), code)
    finally:
        compose.run("down", "--volumes", "--timeout", "15")


def test_the_printer_advertises_the_hosts_address(deployed: Deployed) -> None:
    (printer,) = deployed.api.items("virtual-printers")
    assert printer["advertise"] == deployed.place.address


@pytest.mark.parametrize("profile", [STUDIO_27, ORCA], ids=lambda profile: profile.name)
def test_a_slicer_in_the_network_sends(deployed: Deployed, profile: Profile) -> None:
    sha256 = deployed.send(f"{profile.name}.gcode.3mf", threemf.sliced(title=profile.name), profile)
    deployed.await_archived(sha256)
