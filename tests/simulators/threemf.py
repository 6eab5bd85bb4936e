"""Sliced files as slicers make them, and broken ones."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from hashlib import md5
from pathlib import Path

from tests.simulators import threemf_members as members
from tests.simulators.threemf_members import Filament, Layout, Plate, png
from vprinter_common import catalog

__all__ = ["Filament", "Layout", "Plate", "png"]


def sliced(
    *plates: Plate,
    model: str = "BL-P001",
    title: str = "cube",
    designer: str = "",
    layout: Layout = Layout.STUDIO_2,
    about: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    instead: Mapping[str, bytes | str] | None = None,
    seed: int = 0,
    padding: int = 0,
) -> bytes:
    """A `.gcode.3mf`. Another `seed` gives other bytes; `padding`: bytes of an incompressible member, for size.

    `about`: more metadata of the design; `without`: members that are missing; `instead`: members that are others.
    """
    plates = plates or (Plate(),)
    content: dict[str, bytes | str] = {
        "[Content_Types].xml": members.CONTENT_TYPES,
        "_rels/.rels": members.relations(plates[0].index),
        "3D/3dmodel.model": members.model({"Title": title, "Designer": designer, **(about or {})}, layout),
        "Metadata/project_settings.config": members.project_settings(plates, _printer(model)),
        "Metadata/model_settings.config": members.model_settings(plates),
        "Metadata/slice_info.config": members.slice_info(plates, model, layout),
    }
    for plate in plates:
        content |= _plate_members(plate, layout, seed)
    if padding:
        content["Auxiliaries/padding.bin"] = noise(padding, seed)
    return packed({name: text for name, text in content.items() if name not in without} | dict(instead or {}))


def project(*plates: Plate, title: str = "cube") -> bytes:
    """A `.3mf` of Bambu Studio that was not sliced."""
    plates = plates or (Plate(),)
    return packed(
        {
            "[Content_Types].xml": members.CONTENT_TYPES,
            "_rels/.rels": members.relations(1),
            "3D/3dmodel.model": members.model({"Title": title}, Layout.STUDIO_2),
            "Metadata/project_settings.config": members.project_settings(plates, _printer("BL-P001")),
            "Metadata/model_settings.config": members.project_model_settings(plates),
            "Metadata/slice_info.config": members.slice_info((), "", Layout.STUDIO_2),
            "Metadata/plate_1.png": png(plates[0].color),
        }
    )


def _printer(model: str) -> str:
    try:
        return catalog.model(model).product_name
    except catalog.UnknownModel:
        return model


def packed(content: Mapping[str, bytes | str]) -> bytes:
    """A ZIP that is the same for the same members, whatever the time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in content.items():
            method = zipfile.ZIP_STORED if name.endswith(".bin") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), text, method)
    return out.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    """What a ZIP holds."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    block = bytearray()
    state = zlib.crc32(struct.pack("<q", seed))
    while len(block) < min(size, 1 << 16):
        state = zlib.crc32(struct.pack("<I", state))
        block += struct.pack("<I", state)
    return (bytes(block) * (size // len(block) + 1))[:size] if size else b""


def truncated(content: bytes, keep: float = 0.7) -> bytes:
    """A file whose tail was lost."""
    return content[: int(len(content) * keep)]


def crowded(members: int = 100_000) -> bytes:
    """A ZIP with very many empty members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(members):
            archive.writestr(zipfile.ZipInfo(f"Metadata/{number}"), b"")
    return out.getvalue()


def with_entities() -> bytes:
    """A sliced file whose slice_info expands entities without end."""
    layers = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE config [<!ENTITY e0 "boom">{layers}]><config><plate>&e11;</plate></config>'
    return _replaced("Metadata/slice_info.config", bomb.encode())


def with_bomb(size: int = 1 << 30) -> bytes:
    """A sliced file with a member that unpacks to `size` zero bytes."""
    out = io.BytesIO(sliced())
    with (
        zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("Metadata/plate_9.gcode", "w") as bomb,
    ):
        block = bytes(1 << 20)
        for _ in range(size >> 20):
            bomb.write(block)
    return out.getvalue()


def huge(path: Path, size: int = 2 << 30) -> None:
    """A sliced file beyond what ZIP can do without Zip64: its G-code is `size` bytes, of which most are a hole."""
    head = members.gcode(Plate(), Layout.STUDIO_2, 0)
    name = b"Metadata/plate_1.gcode"
    checksum = zlib.crc32(head)  # wrong, but nobody reads as far as the end
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 0, 0, 0, 0x21, checksum, 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20)
    others = sliced(without=[name.decode()])
    with path.open("wb") as file:
        file.write(local + name + struct.pack("<2H2Q", 1, 16, size, size) + head)
        file.seek(size - len(head), io.SEEK_CUR)
        shift = file.tell()
        file.write(_moved(others, shift, (name, checksum, size)))


def _moved(content: bytes, shift: int, first: tuple[bytes, int, int]) -> bytes:
    """A small ZIP as it stands behind a large member: its offsets moved, the member in its directory, Zip64 ends."""
    end = len(content) - 22
    count, length, offset = struct.unpack("<HLL", content[end + 10 : end + 20])
    name, checksum, size = first
    extra = struct.pack("<2H2Q", 1, 16, size, size)
    large = (45, 45, 0, 0, 0, 0x21, checksum, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra), 0, 0, 0, 0, 0)
    directory = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *large) + name + extra
    at = offset
    while at < offset + length:
        names, extras, comments = struct.unpack("<3H", content[at + 28 : at + 34])
        place = struct.unpack("<L", content[at + 42 : at + 46])[0]
        following = at + 46 + names + extras + comments
        moved = struct.pack("<2HQ", 1, 8, place + shift)
        directory += content[at : at + 30] + struct.pack("<H", extras + len(moved)) + content[at + 32 : at + 42]
        directory += b"\xff\xff\xff\xff" + content[at + 46 : at + 46 + names + extras] + moved
        at = following
    start = shift + offset
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count + 1, count + 1, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + len(directory), 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:offset] + directory + end64 + locator + last


def _replaced(member: str, content: bytes) -> bytes:
    return sliced(instead={member: content})


def _plate_members(plate: Plate, layout: Layout, seed: int) -> dict[str, bytes | str]:
    gcode = members.gcode(plate, layout, seed)
    n = plate.index
    pictures = {f"plate_{n}": plate.color, f"plate_{n}_small": plate.color, f"plate_no_light_{n}": plate.color}
    pictures |= dict.fromkeys((f"top_{n}", f"pick_{n}"), "#202020")
    return {
        f"Metadata/plate_{n}.gcode": gcode,
        f"Metadata/plate_{n}.gcode.md5": md5(gcode).hexdigest().upper(),
        f"Metadata/plate_{n}.json": members.plate_json(plate, layout),
        **{f"Metadata/{name}.png": png(color) for name, color in pictures.items()},
    }
