"""`3D/3dmodel.model`: who made the design, and where it comes from."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vprinter_control.threemf import values
from vprinter_control.threemf.contents import Slicer
from vprinter_control.threemf.xml import Attributes, local, parse

NAME = "3D/3dmodel.model"
MOST = 1024 * 1024
"""Bytes that are looked into: after the metadata come meshes, which can be very long."""
_MAX_VALUE = 64 * 1024
_MAX_VALUES = 64

_LINK = re.compile(r"makerworld\.com/(?:[a-z-]{2,8}/)?models/([1-9]\d{0,14})", re.ASCII | re.IGNORECASE)
# Pictures of a design carry its number: DSM, zeros, number.
_PICTURE = re.compile(r"\bDSM0*([1-9]\d{0,14})", re.ASCII)
_APPLICATION = re.compile(r"([^\s-]{1,64})(?:[-\s]+v?(\S{1,64}))?.*", re.DOTALL)
_PROSE = frozenset({"Description", "ProfileDescription"})


@dataclass(frozen=True, slots=True)
class Design:
    """What the metadata say."""

    title: str | None = None
    designer: str | None = None
    application: Slicer | None = None
    makerworld_url: str | None = None
    design_id: str | None = None


def read(chunks: Iterable[bytes], *, whole: bool) -> Design:
    """The content of the member, or of its beginning."""
    reading = _Reading()
    parse(NAME, chunks, reading, whole=whole)
    found = reading.found
    number = _makerworld(found)
    return Design(
        title=values.escaped_text(found.get("Title", "")),
        designer=values.escaped_text(found.get("Designer", "")),
        application=_application(found.get("Application", "")),
        makerworld_url=f"https://makerworld.com/en/models/{number}" if number else None,
        design_id=values.text(found.get("DesignModelId"), 64) or number,
    )


class _Reading:
    """Takes `<metadata name="…">value</metadata>`."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._name: str | None = None
        self._value: list[str] = []
        self._room = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        self._name = attributes.get("name") if local(tag) == "metadata" else None
        self._value, self._room = [], _MAX_VALUE

    def data(self, text: str) -> None:
        if self._name is not None and self._room > 0:
            self._value.append(text[: self._room])
            self._room -= len(text)

    def end(self, tag: str) -> None:  # noqa: ARG002 - the parser's signature
        if self._name is not None and len(self.found) < _MAX_VALUES:
            self.found.setdefault(self._name, "".join(self._value))
        self._name = None


def _application(value: str) -> Slicer | None:
    match = _APPLICATION.fullmatch(value.strip())
    name = values.text(match[1], 64) if match else None
    return Slicer(name, values.text(match[2], 64)) if match and name else None


def _makerworld(found: dict[str, str]) -> str | None:
    """The design's number. Prose may link to other designs, so it is believed only where it speaks of a single one."""
    plain = [value for name, value in found.items() if name not in _PROSE]
    prose = [value for name, value in found.items() if name in _PROSE]
    for texts, pattern in ((plain, _LINK), (plain, _PICTURE), (prose, _PICTURE), (prose, _LINK)):
        numbers = {match[1] for text in texts for match in pattern.finditer(text)}
        if len(numbers) == 1:
            return numbers.pop()
    return None
