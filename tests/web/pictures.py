"""Pictures of plates as slicers draw them: shaded bodies on nothing, so that the page's own bed shows through."""

import io
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from PIL import Image, ImageDraw

Point = tuple[float, float, float]
Face = Sequence[Point]
LIGHT = (-0.5, 0.45, 0.74)
TURN = math.radians(35)
TILT = math.radians(32)
SHARP = 2
"""Drawn larger and scaled down, for smooth edges."""


def vase(*, radius: float = 34, height: float = 92, twist: float = 0.0, lobes: int = 0) -> list[Face]:
    """A body turned on a lathe; with lobes, a fluted one."""
    rings = []
    for step in range(29):
        part = step / 28
        swell = radius * (0.72 + 0.28 * math.sin(part * 5 + 0.3))
        rings.append(_ring(swell, part * height, twist * part, lobes))
    return _skin(rings)


def gear(*, teeth: int = 14, radius: float = 46, height: float = 20) -> list[Face]:
    """A spur gear."""
    outline = []
    for tooth in range(teeth):
        for share, reach in ((0.0, 0.82), (0.22, 1.0), (0.5, 1.0), (0.72, 0.82)):
            angle = (tooth + share) / teeth * math.tau
            outline.append((math.cos(angle) * radius * reach, math.sin(angle) * radius * reach))
    hole = [(math.cos(step / 24 * math.tau) * 14, math.sin(step / 24 * math.tau) * 14) for step in range(24)]
    return [*_walls(outline, height), [(x, y, height) for x, y in outline], [(x, y, height + 0.1) for x, y in hole]]


def box(width: float, depth: float, height: float, *, at: tuple[float, float] = (0, 0)) -> list[Face]:
    """A block."""
    x, y = at
    outline = [(x - width / 2, y - depth / 2), (x + width / 2, y - depth / 2)]
    outline += [(x + width / 2, y + depth / 2), (x - width / 2, y + depth / 2)]
    return [*_walls(outline, height), [(px, py, height) for px, py in outline]]


def moved(faces: Iterable[Face], x: float, y: float) -> list[Face]:
    """The same body elsewhere on the plate."""
    return [[(px + x, py + y, pz) for px, py, pz in face] for face in faces]


def drawn(faces: Iterable[Face], color: str, side: int = 320) -> bytes:
    """The bodies as a PNG, farthest faces first."""
    base = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
    large = side * SHARP
    image = Image.new("RGBA", (large, large))
    pen = ImageDraw.Draw(image)
    for face in sorted(faces, key=_depth):
        shade = 0.38 + 0.62 * max(0.0, _facing(face))
        fill = tuple(min(255, int(part * shade + 20 * shade)) for part in base)
        pen.polygon([_seen(point, large) for point in face], fill=(*fill, 255))
    out = io.BytesIO()
    image.resize((side, side), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


def _ring(radius: float, z: float, turn: float, lobes: int) -> list[Point]:
    points = []
    for step in range(48):
        angle = step / 48 * math.tau + turn
        reach = radius * (1 + (0.09 * math.cos(lobes * (angle - turn)) if lobes else 0))
        points.append((math.cos(angle) * reach, math.sin(angle) * reach, z))
    return points


def _skin(rings: list[list[Point]]) -> list[Face]:
    faces: list[Face] = []
    for low, high in pairwise(rings):
        for step in range(len(low)):
            following = (step + 1) % len(low)
            faces.append([low[step], low[following], high[following], high[step]])
    return faces


def _walls(outline: list[tuple[float, float]], height: float) -> list[Face]:
    pairs = zip(outline, outline[1:] + outline[:1], strict=True)
    return [[(ax, ay, 0), (bx, by, 0), (bx, by, height), (ax, ay, height)] for (ax, ay), (bx, by) in pairs]


def _turned(point: Point) -> Point:
    x, y, z = point
    return x * math.cos(TURN) - y * math.sin(TURN), x * math.sin(TURN) + y * math.cos(TURN), z


def _seen(point: Point, side: int) -> tuple[float, float]:
    x, y, z = _turned(point)
    scale = side / 165
    return side / 2 + x * scale, side * 0.66 + (y * math.sin(TILT) - z * math.cos(TILT)) * scale


def _depth(face: Face) -> float:
    points = [_turned(point) for point in face]
    return sum(y * math.cos(TILT) + z * math.sin(TILT) for _, y, z in points) / len(points)


def _facing(face: Face) -> float:
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (_turned(point) for point in face[:3])
    ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    normal = (uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)
    length = math.hypot(*normal) or 1.0
    towards = sum(part * light for part, light in zip(normal, LIGHT, strict=True)) / length
    return towards if normal[2] >= 0 or abs(normal[2]) < length * 0.999 else -towards
