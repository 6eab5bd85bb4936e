"""However much strangers send, and under whatever names, the number of series stays what it is."""

import json
import random
import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.simulators import threemf
from tests.simulators.ftps import FtpsSession
from tests.simulators.mqtt import Link
from tests.simulators.profiles import STUDIO_27
from tests.simulators.slicer import USER
from tests.system.api import ApiError
from tests.system.exposition import faults, series_of
from tests.system.harness import Printer, System
from tests.system.processes import SERVICES

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

UPLOADS = 1_000
LETTERS = string.ascii_letters + string.digits + " ._-äß漢字"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of its own: nobody else may add series."""
    with System(tmp_path_factory.mktemp("crowded")) as running:
        running.remove_first_printer()
        yield running


def test_a_thousand_uploads_of_any_name_from_anywhere_add_no_series(system: System) -> None:
    printer = system.new_printer(name="Crowded")
    rng = random.Random(5)
    send_all(system, printer, rng, 20)
    call_names(system, printer, rng, 20)
    before = {service: series(system, service) for service in SERVICES}
    send_all(system, printer, rng, UPLOADS)
    call_names(system, printer, rng, 100)
    after = {service: series(system, service) for service in SERVICES}
    assert after == before
    stored = system.metric("ftps", "vprinter_ftps_transfers_total", printer=printer.id, outcome="stored")
    assert stored == UPLOADS + 20
    assert [fault for service in SERVICES for fault in faults(service, system.health(service, "metrics")[1])] == []


def series(system: System, service: str) -> set[str]:
    """What a service exports once it has taken everything."""
    system.await_quiet(60)
    return series_of(system.health(service, "metrics")[1])


def call_names(system: System, printer: Printer, rng: random.Random, amount: int) -> None:
    """Pages, commands and codes that nobody knows."""
    link = Link(printer.address, system.ports.mqtt, ca_pem=system.ca_pem(), serial=printer.serial)
    try:
        link.connect("studio_client_id:1", USER, printer.code)
        for _ in range(amount):
            word = "".join(rng.choices(string.ascii_lowercase, k=12))
            link.publish(f"device/{printer.serial}/request", json.dumps({word: {"command": word}}).encode())
            link.publish(f"device/{printer.serial}/request", json.dumps({"print": {"command": word}}).encode())
            with pytest.raises(ApiError):
                system.api.get(word)
            with pytest.raises(ApiError):
                system.api.get(f"archive/{word}")
        link.ping()
    finally:
        link.close()


def send_all(system: System, printer: Printer, rng: random.Random, amount: int) -> None:
    """Files under random names, from random addresses."""
    ca_pem, content = system.ca_pem(), threemf.sliced(title="crowd")

    def send(seed: int) -> None:
        own = random.Random(seed)
        name = "".join(own.choices(LETTERS, k=own.randrange(1, 40))).strip(" .") + "x.gcode.3mf"
        source = f"127.{own.randrange(1, 255)}.{own.randrange(256)}.{own.randrange(1, 255)}"
        with FtpsSession(
            printer.address,
            system.ports.ftps,
            ca_pem=ca_pem,
            serial=printer.serial,
            data_tls=STUDIO_27.data_tls,
            source=source,
        ) as session:
            session.login(USER, printer.code)
            session.store(name, content)
            session.quit()

    with ThreadPoolExecutor(4) as slicers:
        for done in [slicers.submit(send, rng.getrandbits(32)) for _ in range(amount)]:
            done.result()
