"""What every way in has in common: how much may come, what a kept file must be, and why one is refused.

Blocking, for a worker thread. The steps themselves (ADR 5) are each service's own: what comes first and what is told when
depends on how its clients are answered.
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import Field

from vprinter_common.blobs import BlobError, Part
from vprinter_common.contracts.facts import FailureReason
from vprinter_common.runtime.settings import Section
from vprinter_common.wire.container import BrokenContainer, check_container

MIB = 1 << 20
GIB = 1 << 30

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class CustodySection(Section):
    """How much a service takes in."""

    max_upload_bytes: int = Field(default=4 * GIB, gt=0)
    """Largest file that is accepted."""
    min_free_bytes: int = Field(default=512 * MIB, ge=0)
    """Uploads are refused when less than this is free on the disk, so that the database and NATS can go on."""
    free_check_bytes: int = Field(default=16 * MIB, gt=0)
    """How often, in received bytes, free space is looked at during an upload."""


class Refusal(Exception):  # noqa: N818 - an answer to the client, not a mistake of ours
    """An upload does not succeed. `detail` is for people: what happened, with which value."""

    def __init__(self, reason: FailureReason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail[:500]


@dataclass(frozen=True, slots=True)
class Room:
    """Whether there is room. `free_bytes` says what the disk still takes."""

    limits: CustodySection
    free_bytes: Callable[[], int]

    def check(self, announced: int | None = None) -> None:
        """Raise Refusal if there is no room for an upload, of the size that the client announced if it did."""
        if announced is not None and announced > self.limits.max_upload_bytes:
            raise Refusal(
                FailureReason.TOO_LARGE, f"{announced} bytes announced, at most {self.limits.max_upload_bytes}"
            )
        with storage_errors():
            free = self.free_bytes()
        if free - (announced or 0) < self.limits.min_free_bytes:
            raise Refusal(
                FailureReason.DISK_FULL, f"{free} bytes free, {self.limits.min_free_bytes} must stay so afterwards"
            )


class Filling:
    """A part that is filled within the limits."""

    def __init__(self, part: Part, room: Room) -> None:
        self._part = part
        self._room = room
        self._checked = 0

    def add(self, data: memoryview | bytes) -> None:
        """Append; raises Refusal when it becomes too much."""
        limits = self._room.limits
        if self._part.size + len(data) > limits.max_upload_bytes:
            raise Refusal(FailureReason.TOO_LARGE, f"more than {limits.max_upload_bytes} bytes")
        if self._part.size - self._checked >= limits.free_check_bytes:
            self._checked = self._part.size
            self._room.check()
        self._part.write(data)


def is_container(filename: str) -> bool:
    """Whether a file of this name must open as ZIP."""
    return filename.lower().endswith(".3mf")


def check_content(part: Part, filename: str) -> None:
    """Raise Refusal if the file is empty, or is to be a container and is none."""
    if part.size == 0:
        raise Refusal(FailureReason.EMPTY)
    if is_container(filename):
        # Its directory stands at the end, so a whole one is proof enough, however the connection ended.
        with part.reader() as file:
            try:
                check_container(file)
            except BrokenContainer as error:
                raise Refusal(FailureReason.BROKEN, str(error)) from error


@contextmanager
def storage_errors() -> Iterator[None]:
    """Errors of the disk as refusals; errors of the network must be Refusals before they come here."""
    try:
        yield
    except OSError as error:
        reason = FailureReason.DISK_FULL if error.errno in _DISK_FULL else FailureReason.STORAGE
        raise Refusal(reason, error.strerror or str(error)) from error
    except BlobError as error:
        raise Refusal(FailureReason.STORAGE, str(error)) from error
