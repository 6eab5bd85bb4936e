import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vprinter_common.wire.container import (
    MAX_DIRECTORY,
    MAX_MEMBERS,
    BrokenContainer,
    ContainerFault,
    check_container,
)

END, LOCATOR, END64 = 22, 20, 56


def archive(*names: str, comment: bytes = b"", data: bytes = b"G1 X1\n" * 20) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        container.comment = comment
        for name in names:
            info = zipfile.ZipInfo(name.replace("\0", "0"))
            info.filename = name
            container.writestr(info, data)
    return buffer.getvalue()


JOB = archive("[Content_Types].xml", "3D/3dmodel.model", "Metadata/plate_1.gcode", "Metadata/Würfel 立.png")


def end_record(members: int, size: int, offset: int, *, disk: int = 0, here: int | None = None) -> bytes:
    return struct.pack(
        "<4s4H2LH", b"PK\x05\x06", disk, disk, members if here is None else here, members, size, offset, 0
    )


def zip64(
    plain: bytes, *, members: int | None = None, at: int | None = None, disks: int = 1, signature: bytes = b"PK\x06\x06"
) -> bytes:
    """The same archive with ZIP64 records, and nothing but placeholders in the old end record."""
    _, _, _, count, _, size, offset, _ = struct.unpack("<4s4H2LH", plain[-END:])
    count = count if members is None else members
    position = len(plain) - END
    record = struct.pack("<4sQ2H2L4Q", signature, 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, position if at is None else at, disks)
    return plain[:-END] + record + locator + end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def fault(content: bytes) -> ContainerFault | None:
    try:
        check_container(io.BytesIO(content))
    except BrokenContainer as error:
        return error.fault
    return None


@pytest.mark.parametrize(
    "content",
    [
        JOB,
        zip64(JOB),
        archive("a", comment=b"made by a slicer"),
        archive("a", data=b""),
        archive("folder/", "folder/x"),
    ],
)
def test_a_whole_container_passes(content: bytes) -> None:
    assert fault(content) is None


@pytest.mark.parametrize("content", [JOB, zip64(JOB), archive("a", comment=b"a comment")])
def test_a_container_that_lost_any_part_of_its_tail_is_refused(content: bytes) -> None:
    assert [length for length in range(len(content)) if fault(content[:length]) is None] == []


def test_a_container_that_lost_its_head_is_refused() -> None:
    assert [start for start in range(1, len(JOB)) if fault(JOB[start:]) is None] == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ContainerFault.EMPTY),
        (archive(), ContainerFault.EMPTY),
        (b"G28\n" * 50_000, ContainerFault.NO_END),
        (b"PK", ContainerFault.NO_END),
        (JOB + b"\r\n", ContainerFault.TRAILING),
        (b"#!" + JOB, ContainerFault.INCONSISTENT),
        (JOB[:-END] + end_record(9999, 100, len(JOB) - END - 100), ContainerFault.INCONSISTENT),
        (JOB[:-END] + end_record(4, 400, 0, disk=1), ContainerFault.INCONSISTENT),
        (JOB[:-END] + end_record(4, 400, 0, here=3), ContainerFault.INCONSISTENT),
        (zip64(JOB, at=0), ContainerFault.INCONSISTENT),
        (zip64(JOB, signature=b"PK\x06\x05"), ContainerFault.INCONSISTENT),
        (zip64(JOB, disks=2), ContainerFault.INCONSISTENT),
        (zip64(JOB, members=3), ContainerFault.INCONSISTENT),
        (zip64(JOB, members=2**63), ContainerFault.TOO_MANY_MEMBERS),
        (archive("a").replace(b"PK\x01\x02", b"PK\x01\x03"), ContainerFault.BAD_DIRECTORY),
    ],
)
def test_what_is_no_whole_container_is_refused_by_name(content: bytes, expected: ContainerFault) -> None:
    assert fault(content) is expected


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "..\\x", "/etc/passwd", "\\x", "a\rb", "a\x7fb", "a\0b", "", "x" * 1025]
)
def test_names_that_could_leave_a_folder_or_break_a_list_are_refused(name: str) -> None:
    assert fault(archive("good", name)) is ContainerFault.UNSAFE_NAME


def test_a_refusal_says_what_was_found_in_few_words() -> None:
    with pytest.raises(BrokenContainer, match=r"unsafe_name: '\.\./x+'$") as refused:
        check_container(io.BytesIO(archive("../" + "x" * 60_000)))
    assert len(str(refused.value)) < 200
    assert refused.value.detail in str(refused.value)


def test_dots_within_a_name_are_fine() -> None:
    assert fault(archive("a..b/..c/...", "Model Pictures/図\u30001.png")) is None


def member_at(content: bytes, offset: int) -> bytes:
    """The archive with its last member's local header said to be elsewhere."""
    entry = content.rfind(b"PK\x01\x02")
    return content[: entry + 42] + struct.pack("<L", offset) + content[entry + 46 :]


@pytest.mark.parametrize("where", [0, 40, len(JOB) - 200])
def test_members_that_share_bytes_are_refused(where: int) -> None:
    """The way to make a small file of many large members."""
    assert fault(member_at(JOB, where)) is ContainerFault.OVERLAP


def test_data_said_to_reach_into_the_directory_is_refused() -> None:
    entry = JOB.rfind(b"PK\x01\x02")
    assert fault(JOB[: entry + 20] + struct.pack("<L", len(JOB)) + JOB[entry + 24 :]) is ContainerFault.OVERLAP


def test_too_many_members_are_refused_before_they_are_read() -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    count = 100_000
    content = zip64(entry * count + end_record(0, len(entry) * count, 0), members=count)
    found, memory = peak(lambda: fault(content))
    assert found is ContainerFault.TOO_MANY_MEMBERS
    assert memory < 1_000_000


def test_a_huge_directory_is_refused_before_it_is_read() -> None:
    size = MAX_DIRECTORY + 1
    content = bytes(size) + end_record(1, size, 0)
    found, memory = peak(lambda: fault(content))
    assert found is ContainerFault.DIRECTORY_TOO_LARGE
    assert memory < 1_000_000


def test_a_directory_at_the_limits_costs_bounded_memory() -> None:
    comment = "🧊" * 150
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as container:
        for number in range(MAX_MEMBERS):
            info = zipfile.ZipInfo(f"{number}/{comment}")
            container.writestr(info, b"")
    found, memory = peak(lambda: fault(buffer.getvalue()))
    assert found is None
    assert memory < 50_000_000


def peak(work: Callable[[], ContainerFault | None]) -> tuple[ContainerFault | None, int]:
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@given(content=st.binary(max_size=400))
@example(content=b"PK\x05\x06" + bytes(18))
def test_garbage_is_refused_and_nothing_else_happens(content: bytes) -> None:
    assert fault(content) is not None


@given(
    base=st.sampled_from([JOB, zip64(JOB), archive("a", comment=b"c" * 30)]),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
)
@settings(max_examples=400)
def test_a_damaged_container_passes_or_is_refused_and_nothing_else_happens(
    base: bytes, changes: list[tuple[int, bytes]]
) -> None:
    """Counted from the end, where the directory is."""
    content = bytearray(base)
    for back, piece in changes:
        start = max(0, len(content) - back)
        content[start : start + len(piece)] = piece
    fault(bytes(content))


@given(names=st.lists(st.text("abc/._ ü🧊", min_size=1, max_size=20), min_size=1, max_size=8, unique=True))
def test_whatever_zipfile_writes_with_sane_names_passes(names: list[str]) -> None:
    sane = [name for name in names if not name.startswith("/") and ".." not in name.split("/")]
    assert fault(archive(*sane)) is (None if sane else ContainerFault.EMPTY)
