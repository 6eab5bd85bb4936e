import errno
import hashlib
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.blobs import Blob, BlobError, DirectoryBlobs

CONTENT = b"PK\x05\x06" + bytes(18)
HASH = hashlib.sha256(CONTENT).hexdigest()
LONG_AGO = 1_000_000_000.0


@pytest.fixture
def blobs(tmp_path: Path) -> DirectoryBlobs:
    return DirectoryBlobs(tmp_path / "data" / "blobs")


def put(blobs: DirectoryBlobs, content: bytes = CONTENT, upload_id: str = "u1") -> Blob:
    with blobs.open_part(upload_id) as part:
        part.write(memoryview(content))
        return blobs.commit(part)


def files(blobs: DirectoryBlobs) -> list[str]:
    return sorted(str(path.relative_to(blobs.root)) for path in blobs.root.rglob("*") if path.is_file())


def age(blobs: DirectoryBlobs, sha256: str) -> None:
    os.utime(blobs.path(sha256), (LONG_AGO, LONG_AGO))


def test_a_committed_part_is_found_by_its_hash(blobs: DirectoryBlobs) -> None:
    assert put(blobs) == Blob(HASH, len(CONTENT))
    assert blobs.exists(HASH)
    assert blobs.size(HASH) == len(CONTENT)
    assert blobs.path(HASH).read_bytes() == CONTENT
    assert files(blobs) == ["lock", f"sha256/{HASH[:2]}/{HASH}"]


def test_hash_and_size_are_known_while_bytes_come_in(blobs: DirectoryBlobs) -> None:
    with blobs.open_part("u1") as part:
        for byte in CONTENT:
            part.write(bytes([byte]))
        assert (part.sha256, part.size) == (HASH, len(CONTENT))
        with part.reader() as reader:
            assert reader.read() == CONTENT


def test_a_write_the_kernel_takes_in_pieces_is_completed(
    blobs: DirectoryBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr("vprinter_common.blobs.os.write", lambda descriptor, data: write(descriptor, data[:5]))
    put(blobs)
    assert blobs.path(HASH).read_bytes() == CONTENT


def test_files_are_private(blobs: DirectoryBlobs) -> None:
    put(blobs)
    assert stat.S_IMODE(blobs.path(HASH).stat().st_mode) == 0o600
    assert stat.S_IMODE((blobs.root / "incoming").stat().st_mode) == 0o700


def test_a_part_that_is_not_committed_leaves_nothing(blobs: DirectoryBlobs) -> None:
    with blobs.open_part("u1") as part:
        part.write(CONTENT)
    assert files(blobs) == ["lock"]


def test_a_finished_part_refuses_more_and_discarding_it_does_nothing(blobs: DirectoryBlobs) -> None:
    part = blobs.open_part("u1")
    part.write(CONTENT)
    blobs.commit(part)
    part.discard()
    assert blobs.exists(HASH)
    with pytest.raises(BlobError, match=r"u1\.part is committed or discarded already"):
        part.write(CONTENT)
    with pytest.raises(BlobError, match="already"):
        blobs.commit(part)


def test_the_same_content_is_kept_once_and_marked_as_come_again(blobs: DirectoryBlobs) -> None:
    put(blobs, upload_id="u1")
    age(blobs, HASH)
    assert put(blobs, upload_id="u2") == Blob(HASH, len(CONTENT))
    assert files(blobs) == ["lock", f"sha256/{HASH[:2]}/{HASH}"]
    assert blobs.path(HASH).stat().st_mtime > LONG_AGO


def test_a_kept_file_that_lost_its_tail_is_replaced_by_the_whole_one(blobs: DirectoryBlobs) -> None:
    put(blobs, upload_id="u1")
    blobs.path(HASH).write_bytes(CONTENT[:4])
    put(blobs, upload_id="u2")
    assert blobs.path(HASH).read_bytes() == CONTENT


def test_two_uploads_with_one_id_are_refused(blobs: DirectoryBlobs) -> None:
    with blobs.open_part("u1"), pytest.raises(BlobError, match="u1 is being received already"):
        blobs.open_part("u1")


@pytest.mark.parametrize("bad", ["", "../x", "a/b", "a.b", "a\n", "ä", "x" * 65, "\0"])
def test_ids_that_could_leave_the_directory_are_refused(blobs: DirectoryBlobs, bad: str) -> None:
    with pytest.raises(BlobError, match="is not an upload id"):
        blobs.open_part(bad)


@pytest.mark.parametrize("bad", ["", "..", "ab/" + HASH, HASH.upper(), HASH + "\n", HASH[:-1], "٣" * 64])
def test_hashes_that_are_none_are_refused(blobs: DirectoryBlobs, bad: str) -> None:
    for use in (blobs.path, blobs.exists, blobs.size, lambda value: blobs.collect(value, 0.0)):
        with pytest.raises(BlobError, match="is not a SHA-256"):
            use(bad)


def test_the_steps_of_a_commit_come_in_the_order_that_survives_a_power_cut(
    blobs: DirectoryBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace: list[str] = []
    fsync = os.fsync

    def traced(descriptor: int) -> None:
        trace.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    monkeypatch.setattr("vprinter_common.blobs.os.fsync", traced)
    with blobs.open_part("u1") as part:
        part.write(CONTENT)
        blobs.commit(part, trace.append)
    assert trace == [
        "fsync u1.part",
        "fsynced",
        "renamed",
        f"fsync {HASH[:2]}",
        "fsync sha256",
        "directory_synced",
    ]


@pytest.mark.parametrize(("step", "kept"), [("fsynced", False), ("renamed", True), ("directory_synced", True)])
def test_a_failure_at_any_step_leaves_no_part_and_no_lock(blobs: DirectoryBlobs, *, step: str, kept: bool) -> None:
    def fail(at: str) -> None:
        if at == step:
            raise OSError(errno.EIO, "disk gone")

    with blobs.open_part("u1") as part:
        part.write(CONTENT)
        with pytest.raises(OSError, match="disk gone"):
            blobs.commit(part, fail)
    assert not list((blobs.root / "incoming").iterdir())
    assert blobs.exists(HASH) is kept
    assert put(blobs, upload_id="u2") == Blob(HASH, len(CONTENT))


def test_a_full_disk_is_the_callers_to_translate(blobs: DirectoryBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("vprinter_common.blobs.os.write", full)
    with blobs.open_part("u1") as part, pytest.raises(OSError, match="No space left"):
        part.write(CONTENT)
    assert files(blobs) == ["lock"]


def test_a_sweep_takes_dead_parts_and_leaves_live_ones(blobs: DirectoryBlobs) -> None:
    (blobs.root / "incoming" / "dead.part").write_bytes(b"half")
    (blobs.root / "incoming" / "notes.txt").write_bytes(b"not ours")
    with blobs.open_part("live") as part:
        assert blobs.sweep() == ["dead"]
        assert part.path.exists()
    assert blobs.sweep() == []
    assert (blobs.root / "incoming" / "notes.txt").exists()


def test_a_part_of_a_killed_process_is_swept(blobs: DirectoryBlobs) -> None:
    program = (
        "import sys, pathlib; from vprinter_common.blobs import DirectoryBlobs\n"
        "part = DirectoryBlobs(pathlib.Path(sys.argv[1])).open_part('other')\n"
        "part.write(b'half'); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(blobs.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        assert blobs.sweep() == []
        process.kill()
        process.wait(10)
    assert blobs.sweep() == ["other"]


def test_a_part_discarded_during_a_sweep_is_no_error(blobs: DirectoryBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = blobs.root / "incoming" / "gone.part"
    monkeypatch.setattr(Path, "glob", lambda *_: iter([gone]))
    assert blobs.sweep() == []


def test_only_what_has_not_come_again_is_collected(blobs: DirectoryBlobs) -> None:
    put(blobs)
    now = blobs.path(HASH).stat().st_mtime
    assert not blobs.collect(HASH, now)
    assert blobs.collect(HASH, now + 1)
    assert not blobs.exists(HASH)
    assert not blobs.collect(HASH, now + 1)


def test_collecting_waits_for_a_commit_under_way_and_then_spares_it(blobs: DirectoryBlobs) -> None:
    put(blobs, upload_id="u1")
    age(blobs, HASH)
    renamed, go_on = threading.Event(), threading.Event()

    def pause(step: str) -> None:
        if step == "renamed":
            renamed.set()
            go_on.wait(10)

    def commit() -> Blob:
        with blobs.open_part("u2") as part:
            part.write(CONTENT)
            return blobs.commit(part, pause)

    with ThreadPoolExecutor(2) as pool:
        committing = pool.submit(commit)
        assert renamed.wait(10)
        collecting = pool.submit(blobs.collect, HASH, LONG_AGO + 1)
        assert not collecting.done()
        go_on.set()
        assert committing.result(10) == Blob(HASH, len(CONTENT))
        assert collecting.result(10) is False
    assert blobs.exists(HASH)


def test_many_writers_of_the_same_content_all_succeed(blobs: DirectoryBlobs) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(lambda number: put(blobs, upload_id=f"u{number}"), range(40)))
    assert results == {Blob(HASH, len(CONTENT))}
    assert len(list(blobs.hashes())) == 1


def test_free_bytes_are_known(blobs: DirectoryBlobs) -> None:
    assert blobs.free_bytes() > 0


def test_two_stores_on_one_directory_are_one_store(blobs: DirectoryBlobs) -> None:
    put(blobs)
    other = DirectoryBlobs(blobs.root)
    assert other.exists(HASH)
    with blobs.open_part("u2"):
        assert other.sweep() == []


@given(pieces=st.lists(st.binary(max_size=300), max_size=12))
def test_whatever_the_pieces_the_content_is_their_sum(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    blobs = DirectoryBlobs(tmp_path_factory.mktemp("blobs"))
    with blobs.open_part("u1") as part:
        for piece in pieces:
            part.write(memoryview(piece))
        blob = blobs.commit(part)
    whole = b"".join(pieces)
    assert blob == Blob(hashlib.sha256(whole).hexdigest(), len(whole))
    assert blobs.path(blob.sha256).read_bytes() == whole


def test_the_views_given_may_be_reused(blobs: DirectoryBlobs) -> None:
    """Receivers read into one buffer again and again."""
    buffer = bytearray(4)
    with blobs.open_part("u1") as part:
        for piece in (b"abcd", b"efgh"):
            buffer[:] = piece
            part.write(memoryview(buffer))
        assert blobs.path(blobs.commit(part).sha256).read_bytes() == b"abcdefgh"
