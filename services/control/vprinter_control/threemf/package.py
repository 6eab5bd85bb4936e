"""An open file and how much of it may be read: members, bytes and time are bounded whatever it claims to hold."""

import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vprinter_common.wire.container import BrokenContainer, check_container

MAX_MEMBER = 4 * 1024 * 1024
"""Bytes of one unpacked member."""
MAX_UNPACKED = 64 * 1024 * 1024
"""Bytes of all members together."""
MAX_RATIO = 250
"""How much larger than packed a member may be; no slicer's text comes near."""
SMALL = 1024 * 1024
"""A member up to this size may have any ratio."""
MAX_SECONDS = 3.0
"""For one file."""
CHUNK = 64 * 1024

Clock = Callable[[], float]
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# What zipfile raises for members it cannot unpack: encrypted, cut, or with a wrong checksum.
_DAMAGED = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError)


class Unreadable(Exception):  # noqa: N818 - it says what the file is
    """Something in the file cannot be read; the message is a sentence for people."""


class OutOfTime(Unreadable):
    """Reading took longer than a file may take."""


class Package:
    """A ZIP to be read within limits. OSError is the disk's."""

    def __init__(self, archive: zipfile.ZipFile, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._deadline = clock() + MAX_SECONDS
        self._left = MAX_UNPACKED
        self.names = frozenset(archive.namelist())

    def size(self, name: str) -> int:
        """Bytes of an unpacked member, as it claims."""
        return self._archive.getinfo(name).file_size

    def read(self, name: str, most: int = MAX_MEMBER) -> bytes:
        """A whole member; Unreadable if it is larger than `most`."""
        return b"".join(self.chunks(name, most))

    def head(self, name: str, size: int) -> bytes:
        """The beginning of a member, however large it is."""
        return b"".join(self._unpacked(self._member(name), size))

    def chunks(self, name: str, most: int = MAX_MEMBER) -> Iterator[bytes]:
        """A member piece by piece; Unreadable if it is larger than `most`."""
        info = self._member(name)
        if info.file_size > most:
            raise Unreadable(f"{name} is larger than {most} bytes")
        if info.file_size > max(SMALL, info.compress_size * MAX_RATIO):
            raise Unreadable(f"{name} unpacks to more than {MAX_RATIO} times its size")
        # One byte more than it claims: the checksum is compared at the end only, and a liar is found out.
        yield from self._unpacked(info, info.file_size + 1)

    def _member(self, name: str) -> zipfile.ZipInfo:
        info = self._archive.getinfo(name)
        if info.compress_type not in _METHODS:
            raise Unreadable(f"{name} is packed in a way that 3MF does not know ({info.compress_type})")
        return info

    def _unpacked(self, info: zipfile.ZipInfo, size: int) -> Iterator[bytes]:
        try:
            with self._archive.open(info) as member:
                while size > 0 and (chunk := member.read(min(size, CHUNK))):
                    self._spend(len(chunk), info.filename)
                    size -= len(chunk)
                    yield chunk
        except _DAMAGED as error:
            raise Unreadable(f"{info.filename} cannot be unpacked: {error or type(error).__name__}"[:300]) from error

    def _spend(self, size: int, name: str) -> None:
        self._left -= size
        if self._left < 0:
            raise OutOfTime(f"{name} and what stands before it are larger than {MAX_UNPACKED} bytes")
        if self._clock() > self._deadline:
            raise OutOfTime(f"reading was given up at {name} after {MAX_SECONDS:.0f} seconds")


@contextmanager
def opened(path: Path, clock: Clock = time.monotonic) -> Iterator[Package]:
    """Open a kept file; Unreadable if it is no whole ZIP, OSError if the disk fails."""
    with path.open("rb") as file:
        try:
            check_container(file)
        except BrokenContainer as error:
            raise Unreadable(f"not a whole ZIP: {error}") from error
        with zipfile.ZipFile(file) as archive:
            yield Package(archive, clock)
