"""The small pieces: settings, limits, refusals, the card, the receiver, and the hooks into aioftp."""

import contextlib
import inspect
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import aioftp
import pytest

from vprinter_common.blobs import DirectoryBlobs
from vprinter_common.contracts.facts import FailureReason
from vprinter_ftps import card as card_module
from vprinter_ftps.card import Card
from vprinter_ftps.receive import Ending, Receiver
from vprinter_ftps.refusal import Refusal
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
    assert Refusal(reason, "because").reply().startswith(b"4" if reason is not FailureReason.TOO_LARGE else b"552")
    assert b"(because)\r\n" in Refusal(reason, "because").reply()
    assert str(Refusal(reason)) == reason.value


def test_no_reply_can_be_split_by_what_a_client_sent() -> None:
    assert Refusal(FailureReason.BROKEN, "a\r\n226 stored").reply().count(b"\r\n") == 1


def test_a_card_is_the_same_after_a_restart_and_forgets_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_module, "MAX_FILES", 3)
    blobs = DirectoryBlobs(tmp_path / "blobs")
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


@pytest.mark.parametrize("pieces", [[b""], [b"abc"], [b"abc" * 1000, b"d", b"e" * 4096], [b"x" * 8192]])
def test_the_receiver_hands_on_every_byte_in_order(pieces: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    got, progress = bytearray(), Progress()
    with ours, theirs:
        receiver = Receiver(
            ours,
            got.extend,
            progress,
            turnstile=contextlib.nullcontext(),
            stall_timeout=5,
            buffer_size=4096,
        )

        def send() -> None:
            for piece in pieces:
                theirs.sendall(piece)
            theirs.close()

        sender = threading.Thread(target=send)
        sender.start()
        ending = receiver.run()
        sender.join()
    assert (bytes(got), ending, progress.received) == (b"".join(pieces), Ending.CLEAN, len(got))


def test_the_receiver_ends_at_once_when_aborted() -> None:
    ours, theirs = socket.socketpair()
    progress = Progress()
    with ours, theirs:
        receiver = Receiver(ours, lambda _: None, progress, turnstile=contextlib.nullcontext(), stall_timeout=5)
        progress.aborted.set()
        with pytest.raises(Refusal, match="aborted"):
            receiver.run()


def test_verbs_that_would_change_a_file_in_place_are_not_there() -> None:
    assert not {"REST", "APPE", "RNFR", "RNTO", "RMD", "PORT", "EPRT", "SITE"} & VERBS.keys()


def test_the_hooks_into_aioftp_are_there_in_the_installed_version() -> None:
    """server.py replaces these; another version of aioftp may call them in another way."""
    assert aioftp.__version__ == "0.28.3"
    expected = {
        "dispatcher": ["self", "reader", "writer"],
        "greeting": ["self", "connection", "rest"],
        "parse_command": ["self", "stream", "censor_commands"],
        "response_writer": ["self", "stream", "response_queue"],
        "start": ["self", "host", "port", "kwargs"],
        "close": ["self"],
    }
    for name, parameters in expected.items():
        assert list(inspect.signature(getattr(aioftp.Server, name)).parameters) == parameters
    source = inspect.getsource(aioftp.Server.dispatcher)
    for line in (
        "self.greeting(connection",
        "self.response_writer(stream, response_queue)",
        "self.parse_command(stream)",
        "response_queue.put_nowait(args)",
        "isinstance(result, bool)",
        "self.commands_mapping.get(cmd)",
        "f(connection, rest)",
    ):
        assert line in source
