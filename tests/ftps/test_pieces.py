"""The small pieces: settings, limits, refusals, the card, the receiver, and the hooks into aioftp."""

import errno
import inspect
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import aioftp
import pytest

from vprinter_common.contracts.facts import FailureReason
from vprinter_common.object_store import Blobs
from vprinter_ftps import card as card_module
from vprinter_ftps import receive as receive_module
from vprinter_ftps.card import Card
from vprinter_ftps.receive import Ending, Intake, Reception
from vprinter_ftps.refusal import Refusal, reply_to
from vprinter_ftps.sessions import SessionLimits
from vprinter_ftps.settings import FtpsSettings
from vprinter_ftps.upload import Progress
from vprinter_ftps.verbs import VERBS


def test_both_names_of_the_pasv_address_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_PRINTER_PASV_ADDRESS", "")
    assert FtpsSettings().forced_pasv_address is None
    monkeypatch.setenv("VIRTUAL_PRINTER_PASV_ADDRESS", "192.0.2.1")
    assert str(FtpsSettings().forced_pasv_address) == "192.0.2.1"
    monkeypatch.setenv("VPRINTER_FTPS__PASV_ADDRESS", "192.0.2.2")
    monkeypatch.setenv("VPRINTER_FTPS__PORT", "9990")
    assert str(FtpsSettings().forced_pasv_address) == "192.0.2.2"
    assert FtpsSettings().ftps.port == 9990


def test_sessions_are_counted_by_address_and_in_all() -> None:
    limits = SessionLimits(per_address=1, total=2)
    assert limits.admit("a") is None
    assert "from a" in (limits.admit("a") or "")
    assert limits.admit("b") is None
    assert limits.admit("c") == "too many sessions (2); try again later"
    limits.release("a")
    assert limits.admit("c") is None


@pytest.mark.parametrize("reason", FailureReason)
def test_every_reason_has_a_reply_that_says_what_and_why(reason: FailureReason) -> None:
    assert reply_to(Refusal(reason, "because")).startswith(b"4" if reason is not FailureReason.TOO_LARGE else b"552")
    assert b"(because)\r\n" in reply_to(Refusal(reason, "because"))
    assert str(Refusal(reason)) == reason.value


def test_no_reply_can_be_split_by_what_a_client_sent() -> None:
    assert reply_to(Refusal(FailureReason.BROKEN, "a\r\n226 stored")).count(b"\r\n") == 1


def test_a_card_is_the_same_after_a_restart_and_forgets_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_module, "MAX_FILES", 3)
    blobs = Blobs(tmp_path / "blobs")
    with blobs.open_part("u1") as part:
        part.write(b"x")
        blob = blobs.commit(part)
    card, start = Card(tmp_path / "card", blobs), datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(4):
        card.put(PurePosixPath(f"/{number}"), blob.sha256, 1, start + timedelta(seconds=number))
    (tmp_path / "card" / "half.tmp").write_text("{")
    (tmp_path / "card" / "bad.json").write_text("{")
    again = Card(tmp_path / "card", blobs)
    assert [file.name for file in again.files_in(PurePosixPath("/"))] == ["1", "2", "3"]
    again.put(PurePosixPath("/1"), blob.sha256, 1, start + timedelta(seconds=9))
    again.put(PurePosixPath("/4"), blob.sha256, 1, start + timedelta(seconds=10))
    assert [file.name for file in again.files_in(PurePosixPath("/"))] == ["1", "3", "4"]
    assert len(list((tmp_path / "card").iterdir())) == 3


@pytest.fixture
def intake() -> Iterator[Intake]:
    intake = Intake()
    yield intake
    intake.close()


@pytest.mark.parametrize("pieces", [[b""], [b"abc"], [b"abc" * 1000, b"d", b"e" * 4096], [b"x" * 1_000_000]])
def test_the_intake_hands_on_every_byte_in_order(intake: Intake, pieces: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    got, progress = bytearray(), Progress()

    def send() -> None:
        for piece in pieces:
            theirs.sendall(piece)
        theirs.close()

    with ours, theirs:
        sender = threading.Thread(target=send)
        sender.start()
        ending = intake.receive(Reception(ours, got.extend, progress, stall_timeout=30))
        sender.join()
    assert (bytes(got), ending, progress.received) == (b"".join(pieces), Ending.CLEAN, len(got))


def test_a_reception_ends_at_once_when_aborted(intake: Intake) -> None:
    ours, theirs = socket.socketpair()
    progress = Progress()
    with ours, theirs:
        progress.aborted.set()
        theirs.close()
        with pytest.raises(Refusal, match="aborted"):
            intake.receive(Reception(ours, lambda _: None, progress, stall_timeout=30))


class AbortedWhileRead(socket.socket):
    """Aborts its upload, and ends as that ends it, while it is read."""

    progress: Progress

    def recv_into(self, *_: object) -> int:
        self.progress.aborted.set()
        return 0


def test_the_end_that_aborting_makes_is_not_taken_for_the_clients(intake: Intake) -> None:
    ours, theirs = socket.socketpair()
    connection = AbortedWhileRead(fileno=ours.detach())
    connection.progress = progress = Progress()
    with connection, theirs:
        theirs.sendall(b"half")
        with pytest.raises(Refusal, match="aborted"):
            intake.receive(Reception(connection, lambda _: None, progress, stall_timeout=30))


def test_a_silent_connection_is_given_up_while_others_go_on(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive_module, "LOOK_AROUND", 0.05)
    silent, nobody = socket.socketpair()
    ours, theirs = socket.socketpair()
    got = bytearray()
    with silent, nobody, ours, theirs, ThreadPoolExecutor(1) as pool:
        other = pool.submit(intake.receive, Reception(ours, got.extend, Progress(), stall_timeout=30))
        with pytest.raises(Refusal, match="no byte in"):
            intake.receive(Reception(silent, lambda _: None, Progress(), stall_timeout=0.1))
        theirs.sendall(b"late")
        theirs.close()
        assert other.result(30) is Ending.CLEAN
    assert got == b"late"


def test_what_a_sink_raises_reaches_its_own_upload_only(intake: Intake) -> None:
    def full(_: memoryview) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x")
        with pytest.raises(OSError, match="No space left"):
            intake.receive(Reception(ours, full, Progress(), stall_timeout=30))
    again, source = socket.socketpair()
    with again, source:
        source.close()
        assert intake.receive(Reception(again, full, Progress(), stall_timeout=30)) is Ending.CLEAN


def test_what_is_not_received_when_the_intake_closes_is_refused() -> None:
    intake = Intake()
    ours, theirs = socket.socketpair()
    began = threading.Event()
    with ours, theirs, ThreadPoolExecutor(1) as pool:
        theirs.sendall(b"x")
        waiting = pool.submit(intake.receive, Reception(ours, lambda _: began.set(), Progress(), stall_timeout=30))
        assert began.wait(30)
        intake.close()
        with pytest.raises(Refusal, match="the service stops"):
            waiting.result(30)
    with pytest.raises(Refusal, match="the service stops"):
        intake.receive(Reception(ours, lambda _: None, Progress(), stall_timeout=30))


def test_verbs_that_would_change_a_file_in_place_are_not_there() -> None:
    assert not {"REST", "APPE", "RNFR", "RNTO", "RMD", "PORT", "EPRT", "SITE"} & VERBS.keys()


def test_the_hooks_into_aioftp_are_there_in_the_installed_version() -> None:
    """server.py replaces these; another version of aioftp may call them in another way."""
    assert aioftp.__version__ == "0.28.3"
    expected = {
        "dispatcher": ["self", "reader", "writer"],
        "greeting": ["self", "connection", "rest"],
        "parse_command": ["self", "stream", "censor_commands"],
        "start": ["self", "host", "port", "kwargs"],
        "close": ["self"],
    }
    for name, parameters in expected.items():
        assert list(inspect.signature(getattr(aioftp.Server, name)).parameters) == parameters
    source = inspect.getsource(aioftp.Server.dispatcher)
    for line in (
        "self.greeting(connection",
        "self.parse_command(stream)",
        "isinstance(result, bool)",
        "await response_queue.join()",
    ):
        assert line in source
