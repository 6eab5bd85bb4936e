"""The header block of G-code: comments that a slicer writes before everything else."""

import re
from dataclasses import dataclass

from vprinter_control.threemf import values
from vprinter_control.threemf.contents import Slicer

HEAD = 32 * 1024
"""Bytes in which the header block ends."""
_END = "HEADER_BLOCK_END"
_MAX_LINES = 400
_MAX_SLOTS = 64
_MILLIMETRES = 1000

_GENERATED = re.compile(r"generated (?:by|with) (\S{1,64})(?:\s+v?(\d\S{0,63}))?.*", re.IGNORECASE)
_SIGNED = re.compile(r"([A-Za-z]*(?:Studio|Slicer))\s+v?(\d\S{0,63})")
_SPAN = re.compile(r"(?:(\d{1,5})\s*d)?\s*(?:(\d{1,6})\s*h)?\s*(?:(\d{1,6})\s*m)?\s*(?:(\d{1,8})\s*s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Header:
    """What the header says. `grams` and `metres` are by filament; `slots` says which filaments these are."""

    slicer: Slicer | None = None
    seconds: int | None = None
    layers: int | None = None
    height_mm: float | None = None
    grams: tuple[float | None, ...] = ()
    metres: tuple[float | None, ...] = ()
    slots: tuple[int, ...] = ()


def read(head: bytes) -> Header:
    """The header block at the beginning of G-code; empty if there is none."""
    said: dict[str, str] = {}
    slicer: Slicer | None = None
    for line in head.decode("utf-8", "replace").splitlines()[:_MAX_LINES]:
        comment = line.lstrip("; \t").strip()
        if not line.startswith(";") or comment == _END:
            if comment == _END or said:
                break
            continue
        slicer = slicer or _slicer(comment)
        for part in comment.split(";"):
            key, separator, value = part.partition(":")
            if separator:
                said.setdefault(key.strip().lower(), value.strip())
    return Header(
        slicer=slicer,
        seconds=_seconds(said.get("total estimated time", "")) or _seconds(said.get("model printing time", "")),
        layers=values.whole(said.get("total layer number")) or None,
        height_mm=values.positive(said.get("max_z_height"), 100_000),
        grams=_numbers(said.get("total filament weight [g]", "")),
        metres=tuple(
            None if length is None else round(length / _MILLIMETRES, 3)
            for length in _numbers(said.get("total filament length [mm]", ""))
        ),
        slots=tuple(slot for text in said.get("filament", "").split(",") if (slot := values.whole(text, 10_000))),
    )


def _slicer(comment: str) -> Slicer | None:
    match = _GENERATED.fullmatch(comment) or _SIGNED.fullmatch(comment)
    name = values.text(match[1], 64) if match else None
    return Slicer(name, values.text(match[2], 64)) if match and name else None


def _seconds(text: str) -> int | None:
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds or None


def _numbers(text: str) -> tuple[float | None, ...]:
    return tuple(values.number(part) for part in text.split(",")[:_MAX_SLOTS]) if text else ()
