"""Slicers that vanish and files that arrive broken: a clear reply where one can be given, nothing left, service goes on."""

import os
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.ledger import Ledger
from tests.faults.vitals import Vitals
from tests.simulators import threemf
from tests.simulators.ftps import FtpRefused, FtpsSession
from tests.simulators.profiles import ORCA_CLEARTEXT, STUDIO_27, STUDIO_OLD, Profile
from tests.system.harness import System
from tests.system.processes import wait_for

pytestmark = pytest.mark.full

CONTENT = threemf.sliced(title="vanishing", padding=4 << 20)
NO_LINGER = struct.pack("ii", 1, 0)
FILE_LIMIT = 1 << 20


def reset(sock: socket.socket) -> None:
    """Close with a TCP reset, whoever else still holds the socket object."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    os.close(sock.detach())


def vanish_by_reset(session: FtpsSession) -> None:
    reset(session.data)


def vanish_by_fin(session: FtpsSession) -> None:
    session.abandon_data()


def vanish_altogether(session: FtpsSession) -> None:
    reset(session.data)
    reset(session.control)


def vanish_leaving_data_open(session: FtpsSession) -> None:
    reset(session.control)


HALF = len(CONTENT) // 2


@pytest.mark.parametrize("profile", [STUDIO_27, STUDIO_OLD, ORCA_CLEARTEXT], ids=lambda profile: profile.data_tls.name)
@pytest.mark.parametrize("vanish", [vanish_by_reset, vanish_by_fin])
def test_a_data_connection_that_breaks_is_426_and_the_session_goes_on(
    house: System, ledger: Ledger, profile: Profile, vanish: Callable[[FtpsSession], None]
) -> None:
    with Vitals(house), ledger.session(profile) as session:
        session.begin_store("vanishing.gcode.3mf")
        session.write(CONTENT[:HALF])
        vanish(session)
        with pytest.raises(FtpRefused) as refused:
            session.stored()
        assert refused.value.reply is not None
        assert refused.value.reply.code == 426, refused.value.reply
        again = threemf.sliced(title=f"again {profile.name} {vanish.__name__}")
        assert ledger.told("again.gcode.3mf", again, lambda: session.store("again.gcode.3mf", again).text)
    ledger.settle()


@pytest.mark.parametrize("vanish", [vanish_altogether, vanish_leaving_data_open])
def test_a_slicer_that_is_gone_leaves_nothing(
    house: System, ledger: Ledger, vanish: Callable[[FtpsSession], None]
) -> None:
    with Vitals(house):
        session = ledger.session()
        session.begin_store("gone.gcode.3mf")
        session.write(CONTENT[:HALF])
        wait_for(house.leftovers, "the part is on the disk")
        vanish(session)
        house.await_quiet(5)
        session.close()
    ledger.settle()


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.7, 0.999])
def test_a_truncated_file_is_refused_however_politely_it_ends(house: System, ledger: Ledger, keep: float) -> None:
    with Vitals(house):
        told = ledger.upload("truncated.gcode.3mf", threemf.truncated(CONTENT, keep))
    assert told.startswith("426"), told
    assert "nothing was kept" in told
    ledger.settle()


def test_a_file_that_is_whole_is_kept_though_tls_ended_raggedly(ledger: Ledger) -> None:
    content = threemf.sliced(title="ragged")

    def upload() -> str:
        with ledger.session() as session:
            session.begin_store("ragged.gcode.3mf")
            session.write(content)
            session.abandon_data()
            return session.stored().text

    assert ledger.told("ragged.gcode.3mf", content, upload).startswith("226")
    ledger.settle()


@contextmanager
def disk_that_takes(house: System, limit: int) -> Iterator[None]:
    """No file of ftps may grow beyond `limit` bytes: what a quota does, without being root."""
    pid = house.processes.pid("ftps")
    assert pid is not None, "ftps does not run"
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("profile", [STUDIO_27, ORCA_CLEARTEXT], ids=lambda profile: profile.data_tls.name)
def test_a_quota_that_ends_mid_file_is_452_and_nothing_stays(house: System, ledger: Ledger, profile: Profile) -> None:
    content = threemf.sliced(title=f"over quota {profile.name}", padding=3 * FILE_LIMIT)
    with Vitals(house):
        with disk_that_takes(house, FILE_LIMIT):
            told = ledger.upload("over quota.gcode.3mf", content, profile)
            assert told.startswith("452"), told
            assert "delete files" in told
            assert not house.leftovers()
            small = threemf.sliced(title=f"small {profile.name}")
            assert ledger.upload("small.gcode.3mf", small, profile).startswith("226")
        assert ledger.upload("over quota.gcode.3mf", content, profile).startswith("226")
    ledger.settle()


def test_a_receipt_that_cannot_be_written_is_no_226(house: System, ledger: Ledger) -> None:
    content = threemf.sliced(title="no room for the receipt")
    with Vitals(house):
        ledger.upload("first.gcode.3mf", content)
        with disk_that_takes(house, 100):  # what is there already needs no room, but its receipt does
            told = ledger.upload("second.gcode.3mf", content)
        assert told.startswith("452"), told
    ledger.settle()
