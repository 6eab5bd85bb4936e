"""Files that are made to hurt whoever opens them."""

import io
import zipfile

import pytest

from tests.faults.ledger import Ledger
from tests.faults.vitals import Vitals
from tests.simulators import threemf

pytestmark = pytest.mark.full

ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "boom">{ENTITIES}]>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
SLICE_INFO, MODEL = "Metadata/slice_info.config", "3D/3dmodel.model"


def with_member(name: str, content: bytes | str) -> bytes:
    """A sliced file with another content of one member."""
    with zipfile.ZipFile(io.BytesIO(threemf.sliced())) as old:
        members: dict[str, bytes | str] = {member: old.read(member) for member in old.namelist()}
    return threemf.packed({**members, name: content})


UNREADABLE = {
    "laughs in slice_info": with_member(SLICE_INFO, f"{LAUGHS}<config><plate>&e11;</plate></config>"),
    "an outside entity in slice_info": with_member(SLICE_INFO, f"{OUTSIDE}<config><plate>&e;</plate></config>"),
    "slice_info that unpacks to 64 MiB": with_member(SLICE_INFO, bytes(64 << 20)),
    "slice_info that is no XML": with_member(SLICE_INFO, b"\xff\xfe<config"),
}
READABLE = {
    "laughs in the model": with_member(MODEL, f"{LAUGHS}<model>&e11;</model>"),
    "an outside entity in the model": with_member(MODEL, f"{OUTSIDE}<model>&e;</model>"),
    "deep XML": with_member(SLICE_INFO, "<a>" * 400_000 + "</a>" * 400_000),
    "a bomb of 256 MiB": threemf.with_bomb(256 << 20),
}
REFUSED = {
    "100,000 members": (threemf.crowded(), "100000 members"),
    "a name that leads out": (threemf.packed({"../../evil": b"x"}), "unsafe_name"),
    "an absolute name": (threemf.packed({"/etc/evil": b"x"}), "unsafe_name"),
    "no member": (threemf.packed({}), "no members"),
    "no ZIP": (b"\x7fELF" + bytes(100_000), "no_end"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_safely_is_archived_with_the_reason(ledger: Ledger, kind: str, peace: Vitals) -> None:
    name, content = f"{kind}.gcode.3mf", UNREADABLE[kind]
    assert ledger.upload(name, content).startswith("226")
    item = ledger.system.await_archived(ledger.entry(name, content)[1])[0]
    assert item["reader_error"], item


@pytest.mark.parametrize("kind", READABLE)
def test_what_nobody_needs_to_unpack_is_archived(ledger: Ledger, kind: str, peace: Vitals) -> None:
    name, content = f"{kind}.gcode.3mf", READABLE[kind]
    assert ledger.upload(name, content).startswith("226")
    ledger.system.await_archived(ledger.entry(name, content)[1])


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_sliced_file_is_refused_with_the_reason(ledger: Ledger, kind: str, peace: Vitals) -> None:
    content, reason = REFUSED[kind]
    told = ledger.upload(f"{kind}.gcode.3mf", content)
    assert told.startswith("426"), told
    assert reason in told
