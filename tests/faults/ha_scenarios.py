"""A floating address moves, a NATS server dies, a node dies. Run by test_ha.py in a network namespace of its own."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from secrets import token_hex

import pytest

from tests.common import s3
from tests.control import postgresql
from tests.discovery.lans import INSIDE, ip
from tests.faults.cluster import BRIDGE, EDGE_NODES, FLOATING, HERE, SLICER, STORE, Cluster, FarLedger, Plugged
from tests.simulators import threemf
from tests.simulators.ftps import REPLY_TIMEOUT
from tests.simulators.gates import Blocked
from tests.simulators.profiles import STUDIO_27
from tests.system.processes import NATS, wait_for

pytestmark = [
    pytest.mark.skipif(INSIDE not in os.environ, reason="runs inside test_ha.py"),
    pytest.mark.timeout(300),
]
Note = Callable[[str, object], None]
SLICERS = 3
MOVED_WITHIN = 10.0
"""Seconds until the printer must answer on another node."""
KNOWN_WITHIN = 40.0
"""Seconds until a change must be known everywhere: what watches a bucket on a server that died begins anew after 30."""


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, Plugged]]:
    for words in (
        "link set lo up",
        f"link add {BRIDGE} type bridge",
        f"addr add {HERE}/24 brd + dev {BRIDGE}",
        f"addr add {STORE}/32 dev {BRIDGE}",
        f"link set {BRIDGE} up",
    ):
        ip(*words.split())
    with ExitStack() as stack:
        made = {}
        for name, address in {**EDGE_NODES, "slicer": SLICER}.items():
            made[name] = Plugged(name, address)
            stack.callback(made[name].close)
        yield made


@pytest.fixture(scope="module")
def database() -> Iterator[postgresql.Server]:
    programs = postgresql.programs()
    assert programs is not None
    with postgresql.server(programs) as running:
        yield running


@pytest.fixture(scope="module")
def cluster(
    hosts: dict[str, Plugged], database: postgresql.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    with s3.server(host=STORE) as objects:
        environ = {**s3.as_environment(objects), "VPRINTER_CONTROL__DATABASE_URL": f"{database.url}/postgres"}
        hosts["a"].take_address()
        with Cluster(tmp_path_factory.mktemp("cluster"), hosts, environ) as running:
            running.remove_first_printer()
            running.secrets.add("testing-testing")
            yield running


@pytest.fixture(scope="module")
def ledger(cluster: Cluster) -> FarLedger:
    printer = cluster.new_printer(name="Floating", bind={"address": FLOATING})
    return FarLedger(cluster, printer, cluster.ca_pem(), host=cluster.hosts["slicer"])


def attempt(ledger: FarLedger) -> bool:
    """Detect, MQTT and the first reports, as somebody who adds the printer; whether it all worked."""

    def add_and_connect() -> None:
        with ledger.system.slicer(ledger.printer, STUDIO_27, ca_pem=ledger.ca_pem, source=None) as slicer:
            slicer.add()
            slicer.connect()

    try:
        ledger.system.hosts["slicer"].there(add_and_connect)
    except (Blocked, OSError):
        return False
    return True


@contextmanager
def uploads(ledger: FarLedger) -> Iterator[None]:
    """One upload after the other by several slicers while the context is open, before, in and after what happens.

    One that waits for its 226 when the address leaves hears nothing any more, and waits until its own patience is over.
    """
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            name = f"part {token_hex(4)}.gcode.3mf"
            ledger.upload(name, threemf.sliced(title=name, padding=500_000))

    before = ledger.kept.total()
    with ThreadPoolExecutor(SLICERS) as slicers:
        working = [slicers.submit(work) for _ in range(SLICERS)]
        try:
            wait_for(lambda: ledger.kept.total() >= before + SLICERS, "uploads before")
            yield
            during = ledger.kept.total()
            wait_for(lambda: ledger.kept.total() >= during + SLICERS, "uploads afterwards", REPLY_TIMEOUT + 10)
        finally:
            over.set()
        for each in working:
            each.result(REPLY_TIMEOUT + 10)


def settle(ledger: FarLedger) -> None:
    """Every 226 is in the archive once, with its file, and nothing else."""
    ledger.settle(timeout=90)
    api = ledger.system.api
    for item in api.items("archive"):
        assert len(api.raw("GET", f"archive/{item['id']}/file")) == item["size"]
    assert not ledger.refused


def change_code(ledger: FarLedger) -> None:
    ledger.printer = replace(ledger.printer, code=ledger.system.new_code())
    ledger.system.api.patch(f"virtual-printers/{ledger.printer.id}", {"access_code": ledger.printer.code})


def await_answers(ledger: FarLedger, what: str, note: Note) -> None:
    """Wait until slicers find the printer as ever; the report of the run (`--junit-xml`) says how long it took."""
    began = time.monotonic()
    wait_for(lambda: attempt(ledger), f"the printer answers: {what}", MOVED_WITHIN)
    note(f"seconds until it answers: {what}", round(time.monotonic() - began, 2))


def test_what_was_kept_by_one_server_is_kept_by_three(cluster: Cluster) -> None:
    assert len(cluster.copies()) > 5
    wait_for(lambda: set(cluster.copies().values()) == {3}, "three copies of everything")


def test_the_address_moves_during_uploads(ledger: FarLedger, record_property: Note) -> None:
    hosts = ledger.system.hosts
    assert attempt(ledger)
    with uploads(ledger):
        hosts["a"].lose_address()
        hosts["b"].take_address()
        await_answers(ledger, "address moved", record_property)
    with uploads(ledger):
        hosts["b"].lose_address()
        hosts["a"].take_address()
        await_answers(ledger, "address moved back", record_property)
    settle(ledger)


def test_the_leading_nats_server_dies_during_uploads(ledger: FarLedger, record_property: Note) -> None:
    cluster = ledger.system
    leader = cluster.leader()
    with uploads(ledger):
        cluster.kill(f"{NATS}@{leader}")
        await_answers(ledger, "a NATS server is dead", record_property)
    began = time.monotonic()
    change_code(ledger)
    wait_for(lambda: cluster.revision_is_served(ledger.printer), "the new code is known", KNOWN_WITHIN)
    record_property("seconds until a change is known: a NATS server is dead", round(time.monotonic() - began, 2))
    settle(ledger)
    cluster.spread.start_one(f"{NATS}@{leader}")
    cluster.await_nats(leader)
    settle(ledger)


def test_a_node_dies_during_uploads_with_files_that_only_it_has(ledger: FarLedger, record_property: Note) -> None:
    cluster = ledger.system
    a, b = cluster.hosts["a"], cluster.hosts["b"]
    a.ip("route", "add", "blackhole", STORE)
    with uploads(ledger):
        wait_for(lambda: ledger.receipts("a") >= 2, "receipts of files that the store has not got")
        cluster.cut_power("a")
        a.lose_address()
        b.take_address()
        await_answers(ledger, "its node is dead", record_property)
    waiting = ledger.receipts("a")
    missing = ledger.kept - ledger.listed()
    assert waiting >= 2
    assert missing.total() >= 2

    a.ip("route", "del", "blackhole", STORE)
    cluster.restore_power("a")
    settle(ledger)
    assert attempt(ledger), "the address stays where it is"


def test_a_code_that_is_changed_counts_on_the_other_node_too(ledger: FarLedger) -> None:
    hosts = ledger.system.hosts
    change_code(ledger)
    hosts["b"].lose_address()
    hosts["a"].take_address()
    wait_for(lambda: attempt(ledger), "node a knows the new code", MOVED_WITHIN)
    settle(ledger)


def test_the_database_is_away_during_uploads(ledger: FarLedger, database: postgresql.Server) -> None:
    with uploads(ledger):
        database.stop()
        before = ledger.kept.total()
        wait_for(lambda: ledger.kept.total() >= before + 10, "uploads without database")
        assert attempt(ledger)
        database.start()
    settle(ledger)
    assert ledger.system.processes.pid("control") is not None
