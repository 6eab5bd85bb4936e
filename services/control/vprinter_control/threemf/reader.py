"""Reads a kept file: each part by itself, so that one that is broken does not hide the others."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from vprinter_control.threemf import gcode, model, model_settings, settings, slice_info
from vprinter_control.threemf.contents import Contents
from vprinter_control.threemf.merge import Parts, merged
from vprinter_control.threemf.package import Clock, OutOfTime, Package, Unreadable, opened
from vprinter_control.threemf.pictures import thumbnail

_GCODE = re.compile(r"Metadata/plate_([1-9]\d{0,3})\.gcode", re.ASCII)
_MAX_ERROR = 1000
T = TypeVar("T")


def read_contents(path: Path, filename: str, clock: Clock = time.monotonic) -> Contents:
    """What a kept file holds; a file that is no 3MF has one plate, and so has one that defeats the reader."""
    name = filename.lower()
    try:
        if name.endswith(".3mf"):
            with opened(path, clock) as package:
                return _Reading(package).contents()
        return _bare(path) if name.endswith(".gcode") else Contents()
    except Unreadable as error:
        return Contents(error=str(error))
    except OSError as error:  # the disk's fault: another time it may work
        return Contents(error=f"the file could not be read: {error.strerror or error}", reader=0)


def _bare(path: Path) -> Contents:
    with path.open("rb") as file:
        header = gcode.read(file.read(gcode.HEAD))
    return merged(Parts(plates=(1,), headers={1: header}))


@dataclass(slots=True)
class _Reading:
    package: Package
    faults: list[str] = field(default_factory=list)

    def contents(self) -> Contents:
        """All parts put together."""
        parts = Parts()
        try:
            self._project(parts)
            self._plates(parts)
        except OutOfTime as error:
            self.faults.append(str(error))
        return merged(parts, "; ".join(self.faults)[:_MAX_ERROR] or None)

    def _project(self, parts: Parts) -> None:
        chunks, read = self.package.chunks, self.package.read
        parts.gcode = frozenset(
            number for name in self.package.names if (match := _GCODE.fullmatch(name)) and (number := int(match[1]))
        )
        parts.slice_info = self._part(slice_info.NAME, lambda name: slice_info.read(chunks(name)), parts.slice_info)
        parts.project_plates = self._part(
            model_settings.NAME, lambda name: model_settings.read(chunks(name)), parts.project_plates
        )
        parts.plates = parts.choose()
        parts.settings = self._part(
            settings.NAME, lambda name: settings.project(read(name, settings.MOST)), parts.settings
        )
        parts.design = self._part(model.NAME, self._design, parts.design)

    def _plates(self, parts: Parts) -> None:
        alone = len(parts.plates) == 1
        for index in parts.plates:
            if thumbnail(self.package, index, alone=alone):
                parts.pictures.add(index)
        for index in parts.plates:
            self._plate(parts, index)

    def _plate(self, parts: Parts, index: int) -> None:
        header = self._part(
            f"Metadata/plate_{index}.gcode", lambda name: gcode.read(self.package.head(name, gcode.HEAD)), None
        )
        if header is not None:
            parts.headers[index] = header
        beside = self._part(
            f"Metadata/plate_{index}.json",
            lambda name: settings.plate(name, self.package.read(name, settings.MOST)),
            None,
        )
        if beside is not None:
            parts.beside[index] = beside

    def _design(self, name: str) -> model.Design:
        whole = self.package.size(name) <= model.MOST
        chunks = self.package.chunks(name) if whole else [self.package.head(name, model.MOST)]
        return model.read(chunks, whole=whole)

    def _part(self, name: str, read: Callable[[str], T], otherwise: T) -> T:
        """One part, or what stands for one that is missing or cannot be read."""
        if name not in self.package.names:
            return otherwise
        try:
            return read(name)
        except OutOfTime:
            raise
        except Unreadable as error:
            self.faults.append(str(error))
            return otherwise
