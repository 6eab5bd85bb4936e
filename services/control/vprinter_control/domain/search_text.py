"""What of a file can be searched for, as one text, and how words are made comparable."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Searchable(Protocol):
    """What an archive item and a pending upload have. `plates` are the stored ones, as the API shows them."""

    name: str
    title: str | None
    filename: str
    designer: str | None
    plates: list[Any]
    tags: list[Any]
    notes: str


def fold(text: str) -> str:
    """One spelling of what people take for the same: width, composition and case do not matter. For queries too."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def search_text(file: Searchable) -> str:
    """Everything to be found in a file, folded: one line for each value, each value once."""
    values = (
        file.name,
        file.title or "",
        file.filename,
        file.designer or "",
        *filament_types(file.plates),
        *map(str, file.tags),
        file.notes,
    )
    return "\n".join(dict.fromkeys(folded for value in values if (folded := fold(value).strip())))


def filament_types(plates: Sequence[Mapping[str, Any]]) -> list[str]:
    """The filament types of stored plates, each once, in the order of their slots."""
    found = (filament.get("type") for plate in plates for filament in plate.get("filaments", ()))
    return list(dict.fromkeys(str(type_) for type_ in found if type_))
