"""What becomes of a file's contents in the database."""

from dataclasses import asdict
from typing import Any

from vprinter_control.domain.kinship import project_key
from vprinter_control.threemf import Contents


def columns(contents: Contents, filename: str) -> dict[str, Any]:
    """The columns of an archive item or pending upload that come from its content."""
    slicer = contents.slicer
    return {
        "plates": [asdict(plate) for plate in contents.plates],
        "reader_error": contents.error,
        "reader": contents.reader,
        "title": contents.title,
        "designer": contents.designer,
        "slicer_name": slicer.name if slicer else None,
        "slicer_version": slicer.version if slicer else None,
        "sliced_for": contents.sliced_for,
        "sliced_for_name": contents.sliced_for_name,
        "makerworld_url": contents.makerworld_url,
        "design_id": contents.design_id,
        "project_key": project_key(contents.title, contents.designer, filename),
        "seconds": _sum([plate.seconds for plate in contents.plates]),
        "grams": _sum([plate.grams for plate in contents.plates]),
        "warnings": [asdict(warn) for warn in contents.warnings],
    }


def _sum(parts: list[Any]) -> Any:
    """The sum of what is known; None if nothing is."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None
