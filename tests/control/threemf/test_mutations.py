"""Whatever is done to the members of a file: the reader answers, and its answer can be kept and sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String

from tests.simulators import threemf
from tests.simulators.threemf import Layout, Plate
from vprinter_common.wire.container import BrokenContainer, check_container
from vprinter_control import prints
from vprinter_control.api.files import PlateObject
from vprinter_control.domain.search_text import search_text
from vprinter_control.store.schema import ArchiveItem
from vprinter_control.threemf import Contents, read_contents

WHOLE = {
    layout: threemf.members_of(threemf.sliced(Plate(1, "Würfel"), Plate(3), title="立方体", layout=layout))
    for layout in Layout
}
NAMES = sorted(name for name in WHOLE[Layout.STUDIO_2] if not name.endswith(".png"))
VALUES = st.sampled_from(
    ["-1", "0", "NaN", "1e999", "9" * 400, "\ud800", "\x00", "\u202e", "&", "<", '"', "]]>", "=", "{"]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A file some of whose members were changed, cut, swapped or taken away."""
    members = dict(WHOLE[draw(st.sampled_from(Layout))])
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4)):
        content = members.get(name, b"")
        at = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["cut", "insert", "replace", "swap", "remove", "repeat", "json"])):
            case "cut":
                members[name] = content[:at]
            case "insert":
                members[name] = content[:at] + draw(st.binary(max_size=12)) + content[at:]
            case "replace":
                value = draw(VALUES).encode("utf-8", "surrogatepass")
                members[name] = content[:at] + value + content[at + len(value) :]
            case "swap":
                members[name] = members.get(draw(st.sampled_from(NAMES)), b"")
            case "remove":
                members.pop(name, None)
            case "repeat":
                members[name] = content + content
            case "json":
                members[name] = json.dumps(draw(ANYTHING)).encode()
    return threemf.packed(members or {"x": b""})


KEYS = st.sampled_from(
    ["filament_type", "filament_colour", "nozzle_diameter", "printer_model", "curr_bed_type", "bed_type", "filament_ids",
     "filament_colors", "bbox_objects", "name"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)


def check(found: Contents) -> None:
    """What every answer is."""
    columns = prints.columns(found, "a.gcode.3mf")
    json.dumps(columns, allow_nan=False).encode()
    for value in (*columns.values(), *(plate["name"] for plate in columns["plates"])):
        if isinstance(value, str):
            value.encode()  # no half of a character, which no database takes
            assert "\0" not in value
    assert 1 <= len(columns["plates"]) <= 1000
    assert len({plate["index"] for plate in columns["plates"]}) == len(columns["plates"])
    for plate in columns["plates"]:
        PlateObject.model_validate(plate).model_dump_json()
    for name, length in LENGTHS.items():
        assert columns[name] is None or len(columns[name]) <= length
    item = ArchiveItem(**columns, name="a", filename="a.gcode.3mf", tags=[], notes="")
    search_text(item).encode()


LENGTHS = {
    column.key: column.type.length
    for column in ArchiveItem.__table__.columns
    if column.key in prints.columns(Contents(), "a") and isinstance(column.type, String) and column.type.length
}


@given(content=mutated())
def test_any_mutation_of_members_is_answered(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(content)
    check(read_contents(path, "a.gcode.3mf"))


@given(data=st.data())
def test_any_mutation_of_the_container_is_answered(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(content)
    found = read_contents(path, "a.gcode.3mf")
    check(found)
    with path.open("rb") as file:
        try:
            check_container(file)
        except BrokenContainer:
            assert found.error is not None


SMALL = threemf.sliced(Plate(gcode_bytes=64))


@given(head=st.binary(max_size=300))
def test_any_bytes_are_answered_as_gcode(tmp_path_factory: pytest.TempPathFactory, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(b"; HEADER_BLOCK_START\n; total estimated time: " + head)
    check(read_contents(path, "a.gcode"))
