"""The slicer's pictures of plates."""

from pathlib import Path

from vprinter_control.threemf.package import Package, Unreadable, opened

MAX_PICTURE = 4 * 1024 * 1024
MAX_SIDE = 4096
"""Pixels: a small file may hold a picture that fills a browser's memory."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = 24
# Pictures of the whole project: they show the plate where there is only one.
_PROJECT = (
    "Metadata/thumbnail.png",
    "Metadata/model_thumbnail.png",
    "Auxiliaries/.thumbnails/thumbnail_middle.png",
    "Auxiliaries/.thumbnails/thumbnail_3mf.png",
    "Auxiliaries/.thumbnails/thumbnail_small.png",
)


def read_thumbnail(path: Path, plate: int, *, alone: bool = False) -> bytes | None:
    """The picture of a plate (PNG), if there is one that can be shown. `alone`: it is the file's only plate."""
    try:
        with opened(path) as package:
            name = thumbnail(package, plate, alone=alone)
            return package.read(name, MAX_PICTURE) if name else None
    except (Unreadable, OSError):
        return None


def thumbnail(package: Package, plate: int, *, alone: bool) -> str | None:
    """The name of the member with the picture of a plate."""
    of_plate = (f"Metadata/plate_{plate}.png", f"Metadata/plate_no_light_{plate}.png", f"Metadata/top_{plate}.png")
    names = (*of_plate, *(_PROJECT if alone else ()))
    return next((name for name in names if name in package.names and _is_picture(package, name)), None)


def _is_picture(package: Package, name: str) -> bool:
    try:
        if package.size(name) > MAX_PICTURE:
            return False
        head = package.head(name, _HEADER)
    except Unreadable:
        return False
    if len(head) < _HEADER or not head.startswith(_SIGNATURE):
        return False
    width, height = (int.from_bytes(head[at : at + 4]) for at in (16, 20))
    return 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE
