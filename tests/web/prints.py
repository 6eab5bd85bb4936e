"""Prints that look like somebody's: for screenshots, and for tests that tell them apart."""

from dataclasses import dataclass, replace

from tests.simulators.threemf import Filament, Layout, Plate, sliced
from tests.web import pictures
from tests.web.pictures import Face


@dataclass(frozen=True, slots=True)
class Print:
    """A project with its plates and the body on each."""

    filename: str
    title: str
    designer: str
    plates: tuple[Plate, ...]
    bodies: tuple[list[Face], ...]
    model: str = "BL-P001"
    layout: Layout = Layout.STUDIO_2

    def content(self, *, model: str | None = None, seed: int = 0, padding: int = 0) -> bytes:
        """The sliced file."""
        shown = {
            f"Metadata/plate_{plate.index}.png": pictures.drawn(body, plate.used[0].color)
            for plate, body in zip(self.plates, self.bodies, strict=True)
        }
        return sliced(
            *self.plates,
            model=model or self.model,
            title=self.title,
            designer=self.designer,
            layout=self.layout,
            instead=shown,
            seed=seed,
            padding=padding,
        )


def _plate(index: int, name: str, hours: float, *filaments: tuple[str, str, float]) -> Plate:
    used = tuple(
        Filament(slot, kind, color, grams, round(grams / 3.01, 2))
        for slot, (kind, color, grams) in enumerate(filaments, start=1)
    )
    return replace(
        Plate(index, name),
        seconds=int(hours * 3600),
        grams=sum(one.grams for one in used),
        filaments=used,
        layers=int(60 + hours * 70),
        height=round(12 + hours * 14, 1),
        objects=(f"{name or 'part'}.stl",),
    )


PLANETARY = Print(
    "planetary_gearbox.gcode.3mf",
    "Planetary gearbox",
    "Mira Koval",
    (
        _plate(1, "Sun and planets", 2.6, ("PETG", "#2E86AB", 61.4), ("PETG", "#F5F5F0", 8.2)),
        _plate(2, "Ring", 3.4, ("PETG", "#D7D3C8", 88.0)),
        _plate(3, "Carrier", 1.9, ("PETG", "#E0A030", 40.7)),
    ),
    (
        [
            face
            for x, y in ((-30, -22), (30, -22), (0, 30))
            for face in pictures.moved(pictures.gear(teeth=12, radius=26), x, y)
        ],
        pictures.gear(teeth=28, radius=58, height=16),
        [*pictures.box(86, 86, 8), *pictures.box(22, 22, 34)],
    ),
)
VASE = Print(
    "spiral_vase.gcode.3mf",
    "Spiral vase",
    "Jonas Lind",
    (_plate(1, "", 5.2, ("PLA", "#E07A3F", 148.0)),),
    (pictures.vase(lobes=9, twist=1.2),),
)
OTHERS = (
    Print(
        "drawer_organizer.gcode.3mf",
        "Drawer organizer",
        "",
        (
            _plate(1, "Left", 3.1, ("PLA", "#6BA368", 92.0)),
            _plate(2, "Right", 3.3, ("PLA", "#6BA368", 97.5)),
        ),
        (
            [*pictures.box(54, 80, 26, at=(-32, 0)), *pictures.box(50, 36, 40, at=(28, 22))],
            pictures.box(96, 60, 30),
        ),
        layout=Layout.ORCA,
    ),
    Print(
        "plant_pot_classic.gcode.3mf",
        "Plant pot, classic",
        "Ane Østby",
        (_plate(1, "", 4.4, ("PLA", "#B85C38", 133.0)),),
        (pictures.vase(radius=40, height=58),),
    ),
    Print(
        "lamp_shade_twist.gcode.3mf",
        "Lamp shade",
        "Jonas Lind",
        (_plate(1, "", 9.7, ("PETG", "#F2E8CF", 251.0)),),
        (pictures.vase(radius=44, height=80, lobes=16, twist=-0.9),),
    ),
    Print(
        "spur_gear_m2.gcode.3mf",
        "Spur gear, module 2",
        "",
        (_plate(1, "", 0.7, ("PA-CF", "#3C3F41", 18.2)),),
        (pictures.gear(teeth=22, radius=50, height=14),),
        layout=Layout.ORCA,
    ),
    Print(
        "шахова_фігура.gcode.3mf",
        "Шахова фігура",
        "Олена",
        (_plate(1, "", 1.2, ("PLA", "#8E6BBF", 26.0)),),
        (pictures.vase(radius=24, height=88),),
    ),
    Print(
        "bracket_90.gcode.3mf",
        "Shelf bracket",
        "",
        (
            _plate(1, "", 2.2, ("ASA", "#C8443C", 54.0)),
            _plate(2, "Mirrored", 2.2, ("ASA", "#C8443C", 54.0)),
        ),
        (
            [*pictures.box(90, 24, 10), *pictures.box(14, 24, 70, at=(-38, 0))],
            [*pictures.box(90, 24, 10), *pictures.box(14, 24, 70, at=(38, 0))],
        ),
    ),
    Print(
        "cable_clips_x24.gcode.3mf",
        "Cable clips, 24 pieces",
        "",
        (_plate(1, "", 1.5, ("TPU", "#3AA6A0", 31.0)),),
        (
            [
                face
                for y in range(-48, 50, 24)
                for x in range(-48, 50, 24)
                for face in pictures.box(13, 8, 12, at=(x, y))
            ],
        ),
    ),
)
