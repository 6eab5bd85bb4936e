"""The files an FTP client sees: safe names, virtual paths, and listings. Nothing here touches a disk."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath

ROOT = PurePosixPath("/")
FOLDERS = ("cache", "model", "sdcard", "timelapse")
"""Folders that are always there, below the root, as on real printers."""

MAX_NAME = 255
"""Bytes of a file name in UTF-8: what common file systems take."""

_EXTENSIONS = (".gcode.3mf",)
_MAX_EXTENSION = 32
_RECENT = timedelta(days=182)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Control characters, lone surrogates, line and paragraph separators: they break logs, lists and headers.
_UNWANTED = frozenset({"Cc", "Cs", "Zl", "Zp"})


def safe_name(argument: str) -> str | None:
    """The base name of what a client wants to store; None if nothing usable is left.

    No separators, control characters or blanks at the ends, not only dots, at most 255 bytes of UTF-8; when it is cut,
    the extension stays, because the extension says what the file is.
    """
    base = argument.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in base if unicodedata.category(character) not in _UNWANTED).strip()
    name = _shortened(name)
    return name if name.strip(". ") else None


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_NAME:
        return name
    extension = _extension(name)
    stem = name[: len(name) - len(extension)].encode()[: MAX_NAME - len(extension.encode())]
    return (stem.decode(errors="ignore").rstrip() + extension).rstrip()


def _extension(name: str) -> str:
    for known in _EXTENSIONS:
        if name.lower().endswith(known):
            return name[-len(known) :]
    dot = name.rfind(".")
    extension = name[dot:] if dot > 0 else ""
    return extension if len(extension.encode()) <= _MAX_EXTENSION else ""


def resolve(folder: PurePosixPath, argument: str) -> PurePosixPath:
    """The absolute path that an argument means in a folder; `..` stops at the root."""
    parts = [] if argument.startswith("/") else list(folder.parts[1:])
    for part in argument.split("/"):
        match part:
            case "" | ".":
                continue
            case "..":
                del parts[-1:]
            case _:
                parts.append(part)
    return ROOT.joinpath(*parts)


def place(path: PurePosixPath) -> PurePosixPath:
    """Where a path leads: `/sdcard` is another name of the root.

    The P1 and A1 families are addressed with the folder `sdcard/`, which is the card that is also their root; so a file
    stored under either is found under both. PWD still answers the name that the client used.
    """
    if path.parts[1:2] == ("sdcard",):
        return ROOT.joinpath(*path.parts[2:])
    return path


def is_folder(path: PurePosixPath) -> bool:
    """Whether a path is the root or one of the folders that are always there."""
    target = place(path)
    return target == ROOT or (target.parent == ROOT and target.name in FOLDERS)


class Kind(StrEnum):
    """What an entry of a listing is, in MLSD's words."""

    FILE = "file"
    FOLDER = "dir"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a listing; `modified` is an aware time."""

    name: str
    size: int
    modified: datetime
    kind: Kind = Kind.FILE


def mlsd_line(entry: Entry) -> str:
    """RFC 3659. Files can be read and deleted, folders entered, listed and written to."""
    permissions = "cel" if entry.kind is Kind.FOLDER else "dr"
    facts = f"type={entry.kind};size={entry.size};modify={mdtm(entry.modified)};perm={permissions};"
    return f"{facts} {entry.name}"


def list_line(entry: Entry, now: datetime) -> str:
    """As `ls -l` of a Unix server, which is what clients parse; month names are English whatever the locale."""
    moment = entry.modified.astimezone(UTC)
    recent = timedelta(0) <= now - moment < _RECENT
    when = f"{moment:%H:%M}" if recent else f"{moment.year:>5}"
    mode = "drwxr-xr-x" if entry.kind is Kind.FOLDER else "-rw-r--r--"
    return f"{mode} 1 bblp bblp {entry.size:>12} {_MONTHS[moment.month - 1]} {moment.day:>2} {when} {entry.name}"


def mdtm(moment: datetime) -> str:
    """A time in UTC as MDTM and MLSD write it."""
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S}"


def listing(lines: Iterable[str]) -> bytes:
    """What goes over the data channel."""
    return "".join(f"{line}\r\n" for line in lines).encode()
