"""What commands print: tables for people, JSON for programs."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO

from vprinter_cli.console import harmless

SHORT = 8
"""Characters of an id that are shown; commands take as many."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's answer goes, and in which form."""

    stream: TextIO
    notes: TextIO
    """For what is not the answer itself."""
    as_json: bool

    def answer(self, document: Any, text: str) -> None:
        """Print the document, or the same thing as text."""
        self._print(json.dumps(document, indent=2, ensure_ascii=False) if self.as_json else text)

    def items(self, documents: Iterable[dict[str, Any]], heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Print a list: the documents, or a table."""
        self.answer(list(documents) if self.as_json else None, "" if self.as_json else table(heads, rows))

    def note(self, text: str) -> None:
        """Tell the person something that no program wants."""
        self.notes.write(f"{_harmless_lines(text)}\n")

    def _print(self, text: str) -> None:
        if text:
            self.stream.write(f"{text}\n")


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns, left-aligned; empty for no rows."""
    cells = [[harmless(cell(value)) for value in row] for row in rows]
    if not cells:
        return ""
    lines = [[head.upper() for head in heads], *cells]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def record(pairs: Iterable[tuple[str, Any]]) -> str:
    """One thing, a line for each of its properties; those without a value are left out."""
    shown = [(name, harmless(cell(value))) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in shown)


def cell(value: Any) -> str:
    """A value as people read it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(cell(one) for one in value) or "-"
        case _:
            return str(value)


def short(id_: str | None) -> str:
    """The part of an id that is shown."""
    return id_[:SHORT] if id_ else "-"


def moment(text: str | None) -> str:
    """A time of the API in the zone of this computer."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M") if text else "-"


def size(count: int | None) -> str:
    """Bytes, in the unit that fits."""
    if count is None:
        return "-"
    number, units = float(count), ["B", "kB", "MB", "GB"]
    while number >= 1000 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.0f} {units[0]}" if units[0] == "B" else f"{number:.1f} {units[0]}"


def duration(seconds: float | None) -> str:
    """Hours and minutes."""
    if seconds is None:
        return "-"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _harmless_lines(text: str) -> str:
    return "\n".join(harmless(line) for line in text.split("\n"))
