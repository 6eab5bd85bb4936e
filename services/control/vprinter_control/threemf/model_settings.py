"""`Metadata/model_settings.config`: the plates of the project, their names and what stands on them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from vprinter_control.threemf import values
from vprinter_control.threemf.contents import MAX_OBJECT_NAME, MAX_OBJECTS, MAX_PLATES
from vprinter_control.threemf.xml import Attributes, local, parse

NAME = "Metadata/model_settings.config"


@dataclass(slots=True)
class ProjectPlate:
    """A plate as it was laid out."""

    name: str | None = None
    objects: list[str] = field(default_factory=list)


def read(chunks: Iterable[bytes]) -> dict[int, ProjectPlate]:
    """The content of the member: plates by their numbers."""
    reading = _Reading()
    parse(NAME, chunks, reading)
    return reading.plates()


class _Reading:
    """Takes the elements: objects with their names first, then plates that refer to them."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._names: dict[str, str] = {}
        self._object = ""
        self._plate: tuple[dict[str, str], list[str]] = ({}, [])
        self._plates: list[tuple[dict[str, str], list[str]]] = []
        self._instances = MAX_OBJECTS

    def start(self, tag: str, attributes: Attributes) -> None:
        kind = local(tag)
        key, value = attributes.get("key", ""), attributes.get("value", "")
        match self._open[-1:], kind:
            case _, "object":
                self._object = attributes.get("id", "")
            case _, "plate":
                self._plate = ({}, [])
            case ["object"], "metadata" if key == "name" and len(self._names) < MAX_OBJECTS:
                self._names.setdefault(self._object, value)
            case ["plate"], "metadata" if key in ("plater_id", "plater_name"):
                self._plate[0].setdefault(key, value)
            case ["model_instance"], "metadata" if key == "object_id" and self._instances > 0:
                self._instances -= 1
                self._plate[1].append(value)
        self._open.append(kind)

    def end(self, tag: str) -> None:
        self._open.pop()
        if local(tag) == "plate" and len(self._plates) < MAX_PLATES:
            self._plates.append(self._plate)

    def plates(self) -> dict[int, ProjectPlate]:
        found: dict[int, ProjectPlate] = {}
        for metadata, instances in self._plates:
            index = values.whole(metadata.get("plater_id"), MAX_PLATES)
            if index:
                names = (values.text(self._names.get(instance), MAX_OBJECT_NAME) for instance in instances)
                plate = ProjectPlate(values.text(metadata.get("plater_name")), [name for name in names if name])
                found.setdefault(index, plate)
        return found
