"""Sliced files as slicers make them, and broken ones."""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from hashlib import md5
from xml.sax.saxutils import quoteattr

CLIENT_VERSION = "02.08.01.55"


@dataclass(frozen=True, slots=True)
class Plate:
    """One plate. `seconds`: predicted time; `grams`: filament."""

    index: int = 1
    name: str = ""
    seconds: int = 3723
    grams: float = 12.34
    filament: str = "PLA"
    color: str = "#F2754E"
    objects: tuple[str, ...] = ("cube.stl",)
    gcode_bytes: int = 4096


def sliced(*plates: Plate, model: str = "BL-P001", title: str = "cube", seed: int = 0, padding: int = 0) -> bytes:
    """A `.gcode.3mf`. Another `seed` gives other bytes; `padding`: bytes of an incompressible member, for size."""
    plates = plates or (Plate(),)
    members: dict[str, bytes | str] = {
        "[Content_Types].xml": _CONTENT_TYPES,
        "_rels/.rels": _relations(plates[0].index),
        "3D/3dmodel.model": _model(title),
        "Metadata/project_settings.config": _PROJECT_SETTINGS % model,
        "Metadata/model_settings.config": _model_settings(plates),
        "Metadata/slice_info.config": _slice_info(plates, model),
    }
    for plate in plates:
        members |= _plate_members(plate, seed)
    if padding:
        members["Auxiliaries/padding.bin"] = noise(padding, seed)
    return packed(members)


def packed(members: dict[str, bytes | str]) -> bytes:
    """A ZIP that is the same for the same members, whatever the time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            method = zipfile.ZIP_STORED if name.endswith(".bin") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


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


def _replaced(member: str, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(sliced())) as old:
        return packed({name: content if name == member else old.read(name) for name in old.namelist()})


def _plate_members(plate: Plate, seed: int) -> dict[str, bytes | str]:
    gcode = _gcode(plate, seed)
    n = plate.index
    pictures = {f"plate_{n}": plate.color, f"plate_{n}_small": plate.color, f"plate_no_light_{n}": plate.color}
    pictures |= dict.fromkeys((f"top_{n}", f"pick_{n}"), "#202020")
    return {
        f"Metadata/plate_{n}.gcode": gcode,
        f"Metadata/plate_{n}.gcode.md5": md5(gcode).hexdigest().upper(),
        f"Metadata/plate_{n}.json": _plate_json(plate),
        **{f"Metadata/{name}.png": png(color) for name, color in pictures.items()},
    }


def png(color: str, side: int = 8) -> bytes:
    """A square picture of one colour."""
    pixel = bytes.fromhex(color[1:7])
    rows = (b"\0" + pixel * side) * side

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _gcode(plate: Plate, seed: int) -> bytes:
    hours, rest = divmod(plate.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    time = f"{hours}h {minutes}m {seconds}s"
    head = (
        "; HEADER_BLOCK_START\n"
        f"; BambuStudio {CLIENT_VERSION}\n"
        f"; model printing time: {time}; total estimated time: {time}\n"
        "; total layer number: 42\n"
        f"; total filament weight [g] : {plate.grams:.2f}\n"
        "; max_z_height: 8.40\n"
        "; HEADER_BLOCK_END\n"
        f"; plate {plate.index}, seed {seed}\n"
    )
    moves = "".join(f"G1 X{n % 200} Y{n * 7 % 200} E.{n % 100:02d}\n" for n in range(plate.gcode_bytes // 16))
    return (head + moves).encode()


def _plate_json(plate: Plate) -> str:
    return (
        '{"bbox_all":[90,90,110,110],"bbox_objects":[],"bed_type":"textured_plate",'
        f'"filament_colors":["{plate.color}"],"filament_ids":[0],"first_extruder":0,"first_layer_time":61.5,'
        '"is_seq_print":false,"nozzle_diameter":0.4,"version":2}'
    )


def _slice_info(plates: tuple[Plate, ...], model: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<config>\n  <header>\n'
        '    <header_item key="X-BBL-Client-Type" value="slicer"/>\n'
        f'    <header_item key="X-BBL-Client-Version" value="{CLIENT_VERSION}"/>\n  </header>\n'
        + "".join(_plate_info(plate, model) for plate in plates)
        + "</config>\n"
    )


def _plate_info(plate: Plate, model: str) -> str:
    values = {
        "index": plate.index,
        "printer_model_id": model,
        "nozzle_diameters": "0.4",
        "timelapse_type": 0,
        "prediction": plate.seconds,
        "weight": f"{plate.grams:.2f}",
        "first_layer_time": "61.500000",
        "outside": "false",
        "support_used": "false",
        "label_object_enabled": "true",
    }
    lines = [_metadata(key, value) for key, value in values.items()]
    lines += [
        f'    <object identify_id="{100 + n}" name={quoteattr(name)} skipped="false"/>\n'
        for n, name in enumerate(plate.objects)
    ]
    lines.append(
        f'    <filament id="1" tray_info_idx="GFL99" type="{plate.filament}" color="{plate.color}" '
        f'used_m="{plate.grams / 3:.2f}" used_g="{plate.grams:.2f}"/>\n'
    )
    return "  <plate>\n" + "".join(lines) + "  </plate>\n"


def _model_settings(plates: tuple[Plate, ...]) -> str:
    parts = [
        "  <plate>\n"
        + _metadata("plater_id", plate.index)
        + _metadata("plater_name", plate.name)
        + _metadata("locked", "false")
        + _metadata("gcode_file", f"Metadata/plate_{plate.index}.gcode")
        + _metadata("thumbnail_file", f"Metadata/plate_{plate.index}.png")
        + _metadata("pattern_bbox_file", f"Metadata/plate_{plate.index}.json")
        + "  </plate>\n"
        for plate in plates
    ]
    return '<?xml version="1.0" encoding="UTF-8"?>\n<config>\n' + "".join(parts) + "</config>\n"


def _metadata(key: str, value: object) -> str:
    return f"    <metadata key={quoteattr(key)} value={quoteattr(str(value))}/>\n"


def _model(title: str) -> str:
    from_slicer = f"BambuStudio-{CLIENT_VERSION}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<model unit="millimeter" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">\n'
        f' <metadata name="Application">{from_slicer}</metadata>\n <metadata name="Title">{title}</metadata>\n'
        " <resources/>\n <build/>\n</model>\n"
    )


def _relations(plate: int) -> str:
    kind = "http://schemas.openxmlformats.org/package/2006/relationships"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="{kind}">\n'
        f' <Relationship Target="/Metadata/plate_{plate}.png" Id="rel-2" Type="{kind}/metadata/thumbnail"/>\n'
        "</Relationships>\n"
    )


_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\n'
    ' <Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>\n'
    ' <Default Extension="png" ContentType="image/png"/>\n'
    ' <Default Extension="gcode" ContentType="text/x.gcode"/>\n</Types>\n'
)
_PROJECT_SETTINGS = (
    '{"printer_model":"%s","filament_type":["PLA"],"curr_bed_type":"Textured PEI Plate","layer_height":"0.2"}'
)
