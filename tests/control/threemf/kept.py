"""A file as the store keeps it."""

from dataclasses import dataclass
from pathlib import Path

from vprinter_control.threemf import Contents, Plate, read_contents, read_thumbnail
from vprinter_control.threemf.package import Clock


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a file is kept, under a name that says nothing."""

    path: Path

    def read(self, content: bytes, filename: str = "a.gcode.3mf", clock: Clock = lambda: 0.0) -> Contents:
        """What the reader finds; time stands still unless told otherwise, however slow the machine is."""
        self.path.write_bytes(content)
        return read_contents(self.path, filename, clock)

    def plate(self, content: bytes) -> Plate:
        """The only plate of a file that can be read."""
        found = self.read(content)
        assert found.error is None
        (plate,) = found.plates
        return plate

    def picture(self, content: bytes, plate: int = 1, *, alone: bool = False) -> bytes | None:
        """The picture of a plate."""
        self.path.write_bytes(content)
        return read_thumbnail(self.path, plate, alone=alone)
