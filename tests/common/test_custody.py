"""What every way in has in common."""

import errno
from pathlib import Path

import pytest

from tests.simulators import threemf
from vprinter_common.blobs import BlobError, DirectoryBlobs
from vprinter_common.contracts.facts import FailureReason
from vprinter_common.custody import CustodySection, Filling, Refusal, Room, check_content, storage_errors

LIMITS = CustodySection(max_upload_bytes=1_000, min_free_bytes=500, free_check_bytes=100)


class Disk:
    """Says how much is free, and counts the questions."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.free


@pytest.fixture
def blobs(tmp_path: Path) -> DirectoryBlobs:
    """A store."""
    return DirectoryBlobs(tmp_path / "blobs")


@pytest.mark.parametrize(
    ("free", "announced", "reason"),
    [
        (1_500, 1_000, None),
        (1_499, 1_000, FailureReason.DISK_FULL),
        (500, None, None),
        (499, None, FailureReason.DISK_FULL),
        (1 << 40, 1_001, FailureReason.TOO_LARGE),
    ],
)
def test_there_is_room_for_what_was_announced_or_it_is_said_why_not(
    free: int, announced: int | None, reason: FailureReason | None
) -> None:
    room = Room(LIMITS, Disk(free))
    if reason is None:
        room.check(announced)
        return
    with pytest.raises(Refusal) as refused:
        room.check(announced)
    assert refused.value.reason is reason


def test_what_was_not_announced_is_bounded_while_it_comes(blobs: DirectoryBlobs) -> None:
    with blobs.open_part("u1") as part:
        filling = Filling(part, Room(LIMITS, Disk(1 << 40)))
        filling.add(b"x" * 1_000)
        with pytest.raises(Refusal, match="too_large"):
            filling.add(b"x")


def test_the_disk_is_looked_at_now_and_then(blobs: DirectoryBlobs) -> None:
    disk = Disk(1 << 40)
    with blobs.open_part("u1") as part:
        filling = Filling(part, Room(LIMITS, disk))
        for _ in range(40):
            filling.add(b"x" * 10)
        assert disk.asked == 3
        disk.free = 0
        with pytest.raises(Refusal, match="disk_full"):
            filling.add(b"x" * 10)


@pytest.mark.parametrize(
    ("filename", "content", "reason"),
    [
        ("a.gcode.3mf", threemf.sliced(), None),
        ("A.3MF", threemf.sliced()[:-50], FailureReason.BROKEN),
        ("a.gcode", b"G28", None),
        ("a.gcode", b"", FailureReason.EMPTY),
        ("a.3mf", b"", FailureReason.EMPTY),
    ],
)
def test_an_empty_or_broken_file_is_refused(
    blobs: DirectoryBlobs, filename: str, content: bytes, reason: FailureReason | None
) -> None:
    with blobs.open_part("u1") as part:
        part.write(content)
        if reason is None:
            check_content(part, filename)
            return
        with pytest.raises(Refusal) as refused:
            check_content(part, filename)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "full"), FailureReason.DISK_FULL),
        (OSError(errno.EDQUOT, "quota"), FailureReason.DISK_FULL),
        (OSError(errno.EIO, "broken"), FailureReason.STORAGE),
        (BlobError("in use"), FailureReason.STORAGE),
    ],
)
def test_errors_of_the_disk_become_refusals(error: Exception, reason: FailureReason) -> None:
    with pytest.raises(Refusal) as refused, storage_errors():
        raise error
    assert refused.value.reason is reason
