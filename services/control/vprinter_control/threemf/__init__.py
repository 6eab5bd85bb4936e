"""What a sliced file holds. Everything here blocks: call it from a worker thread."""

from vprinter_control.threemf.contents import VERSION, Contents, Filament, Plate, Slicer, Warn
from vprinter_control.threemf.pictures import read_thumbnail
from vprinter_control.threemf.reader import read_contents

__all__ = ["VERSION", "Contents", "Filament", "Plate", "Slicer", "Warn", "read_contents", "read_thumbnail"]
