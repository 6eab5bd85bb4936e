"""Whether a `.3mf` arrived whole: it must open as a ZIP, whose directory stands at the very end of the file.

This is what finds a lost tail, because on asyncio a connection that was cut looks like one that ended. Nothing is
decompressed, and the end record is judged before the directory is parsed, so a hostile file costs bounded memory.
Layouts: APPNOTE.TXT 4.3 (end record 22 bytes, ZIP64 end record 56, its locator 20).
"""

import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

MAX_MEMBERS = 10_000
MAX_DIRECTORY = 8 * 1024 * 1024
MAX_MEMBER_NAME = 1024

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_END_SIGNATURE, _END64_SIGNATURE, _LOCATOR64_SIGNATURE = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_LOCAL_HEADER = 30
_DIRECTORY_ENTRY = 46
_MAX_COMMENT = 0xFFFF
# What zipfile raises for directories it cannot make sense of, beside its own error.
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, EOFError, IndexError, OverflowError)


class ContainerFault(StrEnum):
    """What is wrong with a container; a closed list, fit for a metric's label."""

    EMPTY = "empty"
    NO_END = "no_end"
    """No end record at the end: the tail is missing, or it is no ZIP."""
    TRAILING = "trailing"
    INCONSISTENT = "inconsistent"
    TOO_MANY_MEMBERS = "too_many_members"
    DIRECTORY_TOO_LARGE = "directory_too_large"
    BAD_DIRECTORY = "bad_directory"
    OVERLAP = "overlap"
    UNSAFE_NAME = "unsafe_name"


class BrokenContainer(Exception):  # noqa: N818 - it says what the file is
    """The file is no whole ZIP; `fault` says in which way, the text adds the values."""

    def __init__(self, fault: ContainerFault, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _End:
    """The end record, ZIP64 taken into account. `position` is where the directory has to end."""

    members: int
    size: int
    offset: int
    position: int


def check_container(file: BinaryIO) -> None:
    """Raise BrokenContainer unless the file is a whole ZIP with sane members. Blocks; OSError is the disk's."""
    end = _read_end(file)
    if end.members == 0:
        raise BrokenContainer(ContainerFault.EMPTY, "it has no members")
    if end.members > MAX_MEMBERS:
        raise BrokenContainer(ContainerFault.TOO_MANY_MEMBERS, f"{end.members} members, at most {MAX_MEMBERS}")
    if end.size > MAX_DIRECTORY:
        raise BrokenContainer(ContainerFault.DIRECTORY_TOO_LARGE, f"{end.size} bytes, at most {MAX_DIRECTORY}")
    if end.offset + end.size != end.position:
        raise BrokenContainer(
            ContainerFault.INCONSISTENT,
            f"the directory should end at {end.offset + end.size}, but its end record is at {end.position}",
        )
    if end.members * _DIRECTORY_ENTRY > end.size:
        raise BrokenContainer(ContainerFault.INCONSISTENT, f"{end.members} members cannot stand in {end.size} bytes")
    try:
        with zipfile.ZipFile(file) as container:
            members = container.infolist()
    except _UNREADABLE as error:
        raise BrokenContainer(ContainerFault.BAD_DIRECTORY, f"{type(error).__name__}: {error}"[:200]) from error
    if len(members) != end.members:
        raise BrokenContainer(ContainerFault.INCONSISTENT, f"{len(members)} members found, {end.members} announced")
    _check_members(members, end.offset)


def _read_end(file: BinaryIO) -> _End:
    total = file.seek(0, 2)
    if total == 0:
        raise BrokenContainer(ContainerFault.EMPTY, "0 bytes")
    tail = _read(file, max(0, total - _END.size - _MAX_COMMENT), total)
    # Searched from where the record can start at the latest: its own fields may look like a signature.
    found = tail.rfind(_END_SIGNATURE, 0, max(0, len(tail) - _END.size + len(_END_SIGNATURE)))
    if found < 0:
        raise BrokenContainer(ContainerFault.NO_END, f"no end record in the last {len(tail)} of {total} bytes")
    _, disk, first_disk, here, members, size, offset, comment = _END.unpack_from(tail, found)
    position = total - len(tail) + found
    if position + _END.size + comment != total:
        raise BrokenContainer(
            ContainerFault.TRAILING, f"the end record says {comment} bytes follow, {total - position - _END.size} do"
        )
    if (disk, first_disk) != (0, 0) or here != members:
        raise BrokenContainer(ContainerFault.INCONSISTENT, "it is one of several volumes")
    return _read_end64(file, position) or _End(members, size, offset, position)


def _read_end64(file: BinaryIO, position: int) -> _End | None:
    """The ZIP64 end record if its locator stands before the end record, as zipfile reads it."""
    locator_at = position - _LOCATOR64.size
    record_at = locator_at - _END64.size
    if record_at < 0:
        return None
    signature, disk, said_at, disks = _LOCATOR64.unpack(_read(file, locator_at, position))
    if signature != _LOCATOR64_SIGNATURE:
        return None
    record = _END64.unpack(_read(file, record_at, locator_at))
    if record[0] != _END64_SIGNATURE or said_at != record_at:
        raise BrokenContainer(ContainerFault.INCONSISTENT, f"no ZIP64 end record at {said_at}")
    _, _, _, _, this_disk, first_disk, here, members, size, offset = record
    if (disk, disks, this_disk, first_disk) != (0, 1, 0, 0) or here != members:
        raise BrokenContainer(ContainerFault.INCONSISTENT, "it is one of several volumes")
    return _End(members, size, offset, record_at)


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _check_members(members: Iterable[zipfile.ZipInfo], directory: int) -> None:
    """Names that cannot leave a folder, and data that lies before the directory, each member's apart."""
    limit = directory
    for member in sorted(members, key=lambda each: each.header_offset, reverse=True):
        name = member.orig_filename
        if not _is_sane(name):
            raise BrokenContainer(ContainerFault.UNSAFE_NAME, repr(name[:80]))
        end = member.header_offset + _LOCAL_HEADER + member.compress_size
        if end > limit:
            raise BrokenContainer(ContainerFault.OVERLAP, f"{name[:80]!r} ends at {end} or later, beyond {limit}")
        limit = member.header_offset


def _is_sane(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    visible = not any(character < " " or character == "\x7f" for character in name)
    return visible and len(name) <= MAX_MEMBER_NAME and parts[0] != "" and ".." not in parts
