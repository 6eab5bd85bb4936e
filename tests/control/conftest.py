"""Control against a real SQLite file, with a bus that is a dictionary, a clock that stands, and a CA made once."""

import os
import shutil
from collections.abc import AsyncIterator
from ipaddress import IPv4Interface
from pathlib import Path
from random import Random

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from tests.common import s3
from tests.control.harness import ADMIN_TOKEN, READ_TOKEN, Api, Clock, FakeBus, Parts
from tests.control.postgresql import SERVER, fresh
from vprinter_common import net
from vprinter_common.access import LoginBrake
from vprinter_common.certs import CertificateAuthority
from vprinter_common.custody import CustodySection
from vprinter_common.object_store import Blobs
from vprinter_common.probe.ports import SlicerPorts
from vprinter_control import tokens
from vprinter_control.addresses import Addresses
from vprinter_control.api.app import make_app
from vprinter_control.api.context import Control
from vprinter_control.doctor.doctor import Doctor
from vprinter_control.doctor.facts import Facts
from vprinter_control.ingest import Ingest
from vprinter_control.live.live import make_live
from vprinter_control.metrics import Metrics
from vprinter_control.printers import Printers
from vprinter_control.statuses import Statuses, TargetStatuses
from vprinter_control.store.database import Database, open_database
from vprinter_control.store.installation import ensure_installation
from vprinter_control.store.migrate import migrate
from vprinter_control.targets import Targets
from vprinter_control.trust import Trust

HERE = (
    net.Interface("eth0", (IPv4Interface("192.0.2.10/24"), IPv4Interface("192.0.2.11/24"))),
    net.Interface("lo", (IPv4Interface("127.0.0.1/8"),)),
)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a CA."""
    directory = tmp_path_factory.mktemp("ca")
    CertificateAuthority.create(directory)
    return directory


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a migrated database will be, once some test has made it."""
    return tmp_path_factory.mktemp("database") / "control.db"


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
async def database(tmp_path: Path, empty_database: Path, clock: Clock) -> AsyncIterator[Database]:
    """A fresh database: SQLite, or one of a PostgreSQL server that the environment names."""
    if url := os.environ.get(SERVER):
        async with fresh(url) as opened:
            await ensure_installation(opened, clock, Random(7))
            yield opened
        return
    if not empty_database.exists():
        made = open_database(f"sqlite:///{empty_database}")
        await migrate(made)
        await made.close()
    copy = tmp_path / "control.db"
    shutil.copy(empty_database, copy)
    opened = open_database(f"sqlite:///{copy}")
    await ensure_installation(opened, clock, Random(7))
    yield opened
    await opened.close()


@pytest.fixture
def bus() -> FakeBus:
    """NATS as a dictionary."""
    return FakeBus()


def doctors_facts(bus: FakeBus, trust: Trust, clock: Clock, directory: Path) -> Facts:
    """What the doctor knows without NATS."""
    return Facts(bus.as_bus(), trust, SlicerPorts(), clock, "node", directory, directory, lambda: (), ("192.0.2.10",))


@pytest.fixture
def parts(tmp_path: Path, authority: Path, database: Database, bus: FakeBus, clock: Clock) -> Parts:
    """Everything but sockets."""
    certs = tmp_path / "certs"
    shutil.copytree(authority, certs)
    blobs = Blobs.open(tmp_path / "blobs", s3.of_environment())
    metrics = Metrics(CollectorRegistry())
    addresses = Addresses(net.AddressWatch(lambda: HERE), ("192.0.2.10",), HERE)
    trust = Trust(certs)
    printers = Printers(database, trust, addresses, clock, Random(3))
    statuses, seen = Statuses(bus.as_bus(), clock), TargetStatuses(bus.as_bus(), clock)
    tokens_made = iter(f"token-number-{number}" for number in range(100))
    control = Control(
        database=database,
        bus=bus.as_bus(),
        blobs=blobs,
        printers=printers,
        statuses=statuses,
        targets=Targets(database, bus.as_bus(), printers, statuses, seen, clock),
        target_statuses=seen,
        live=make_live(bus.as_bus(), database, statuses, seen, clock, ignores=lambda _printer, _client: False),
        addresses=addresses,
        trust=trust,
        doctor=Doctor(database, doctors_facts(bus, trust, clock, tmp_path), statuses.of),
        metrics=metrics,
        clock=clock,
        new_token=lambda: next(tokens_made),
        brake=LoginBrake(lambda: clock().timestamp()),
        event_clients=2,
        custody=CustodySection(max_upload_bytes=2_000_000, min_free_bytes=0),
        keep_alive=0.05,
    )
    return Parts(control, Ingest(database, blobs, clock, metrics, control.live.setup), bus, blobs, database, clock)


@pytest.fixture
async def api(parts: Parts) -> AsyncIterator[Api]:
    """The API with an admin's token."""
    async with parts.database.write() as session:
        await tokens.add(session, parts.clock, "admin", [tokens.Scope.ADMIN], ADMIN_TOKEN)
        await tokens.add(session, parts.clock, "reader", [tokens.Scope.READ], READ_TOKEN)
    async with TestClient(TestServer(make_app(parts.control), shutdown_timeout=1)) as client:
        yield Api(client)
