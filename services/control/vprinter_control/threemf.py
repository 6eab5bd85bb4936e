"""Which plates a sliced file holds. Blocks: call it from a worker thread."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from vprinter_common.wire.container import BrokenContainer, check_container

MAX_MEMBER = 4 * 1024 * 1024
MAX_PLATES = 1000
_PNG = b"\x89PNG\r\n\x1a\n"
SLICE_INFO = "Metadata/slice_info.config"

_GCODE = re.compile(r"Metadata/plate_([1-9]\d{0,3})\.gcode")
# What zipfile raises for members it cannot unpack: encrypted, of an unknown method, or with a wrong checksum.
_UNREADABLE = (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError, KeyError)


@dataclass(frozen=True, slots=True)
class Contents:
    """Plate numbers, counted from 1 and ascending; `error` says why the file could not be read."""

    plates: tuple[int, ...] = (1,)
    error: str | None = None


def read_contents(path: Path, filename: str) -> Contents:
    """The plates of a kept file; a file that is no 3MF has one, and so has one that defeats the reader."""
    if not filename.lower().endswith(".3mf"):
        return Contents()
    try:
        with path.open("rb") as file:
            check_container(file)
            with zipfile.ZipFile(file) as archive:
                return Contents(_plates(archive))
    except BrokenContainer as error:
        return Contents(error=f"not a whole ZIP: {error}")
    except DefusedXmlException as error:
        return Contents(error=f"{SLICE_INFO} holds what no slicer writes: {type(error).__name__}")
    except ParseError as error:
        return Contents(error=f"{SLICE_INFO} is not XML: {error}")
    except _UNREADABLE as error:
        return Contents(error=f"cannot be read: {error or type(error).__name__}"[:500])


def read_thumbnail(path: Path, plate: int) -> bytes | None:
    """The slicer's picture of a plate (PNG), if there is one that can be read."""
    try:
        with path.open("rb") as file:
            check_container(file)
            with zipfile.ZipFile(file) as archive:
                picture = _read(archive, f"Metadata/plate_{plate}.png")
    except (BrokenContainer, *_UNREADABLE):
        return None
    return picture if picture.startswith(_PNG) else None


def _plates(archive: zipfile.ZipFile) -> tuple[int, ...]:
    names = set(archive.namelist())
    plates = _from_slice_info(_read(archive, SLICE_INFO)) if SLICE_INFO in names else set()
    if not plates:
        plates = {int(match[1]) for name in names if (match := _GCODE.fullmatch(name))}
    return tuple(sorted(plates)[:MAX_PLATES]) or (1,)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        content = member.read(MAX_MEMBER + 1)
    if len(content) > MAX_MEMBER:
        raise ValueError(f"{name} is larger than {MAX_MEMBER} bytes")
    return content


class _Indexes:
    """Collects `<plate><metadata key="index" value="N"/>` without building a tree."""

    def __init__(self) -> None:
        self.found: set[int] = set()
        self._in_plate = False

    def start(self, tag: str, attributes: dict[str, Any]) -> None:
        if tag == "plate":
            self._in_plate = True
        elif self._in_plate and tag == "metadata" and attributes.get("key") == "index":
            value = str(attributes.get("value", ""))
            if value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= MAX_PLATES:
                self.found.add(int(value))

    def end(self, tag: str) -> None:
        if tag == "plate":
            self._in_plate = False

    def close(self) -> None:
        """Nothing is left to do; the parser expects it."""


def _from_slice_info(content: bytes) -> set[int]:
    indexes = _Indexes()
    parser = DefusedXMLParser(target=indexes, forbid_dtd=True)
    parser.feed(content)
    parser.close()
    return indexes.found
