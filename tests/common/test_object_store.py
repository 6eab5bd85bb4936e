"""Blobs with an object store behind the directory: kept in both, brought back, and collected from both."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from tests.common import s3
from vprinter_common.blobs import Blob
from vprinter_common.bucket import PIECE
from vprinter_common.object_store import Blobs, ObjectStoreUnavailable
from vprinter_common.runtime.settings import ObjectStoreSettings

CONTENT = b"content " * 1000


@pytest.fixture(scope="module")
def settings() -> Iterator[ObjectStoreSettings]:
    with s3.server() as running:
        yield running


@pytest.fixture
def here(tmp_path: Path, settings: ObjectStoreSettings) -> Blobs:
    """This node."""
    return Blobs.open(tmp_path / "here", settings.model_copy(update={"prefix": tmp_path.name}))


@pytest.fixture
def there(tmp_path: Path, settings: ObjectStoreSettings) -> Blobs:
    """Another node with the same store."""
    return Blobs.open(tmp_path / "there", settings.model_copy(update={"prefix": tmp_path.name}))


def put(blobs: Blobs, content: bytes = CONTENT) -> Blob:
    with blobs.open_part("upload") as part:
        part.write(content)
        return blobs.commit(part)


def now() -> float:
    return datetime.now(UTC).timestamp()


@pytest.mark.parametrize("size", [1, PIECE, 2 * PIECE + 17])
async def test_a_file_kept_at_one_node_is_brought_to_another(here: Blobs, there: Blobs, size: int) -> None:
    content = os.urandom(size)
    blob = put(here, content)
    await here.keep(blob.sha256)
    path = await there.bring(blob.sha256)
    assert sha256(path.read_bytes()).hexdigest() == blob.sha256 == path.name
    assert there.exists(blob.sha256)
    assert [one async for one in there.every()].count(blob.sha256) == 2


async def test_what_is_nowhere_is_not_found(here: Blobs) -> None:
    with pytest.raises(FileNotFoundError):
        await here.bring("0" * 64)
    assert here.may_hold("0" * 64)


async def test_other_bytes_under_a_name_are_refused(here: Blobs, there: Blobs) -> None:
    blob = put(here)
    here.path(blob.sha256).write_bytes(b"other bytes")
    await here.keep(blob.sha256)
    with pytest.raises(ObjectStoreUnavailable, match="other bytes than its name says"):
        await there.bring(blob.sha256)
    assert not there.exists(blob.sha256)


async def test_what_nobody_refers_to_leaves_both_unless_it_came_again(here: Blobs, there: Blobs) -> None:
    blob = put(here)
    await here.keep(blob.sha256)
    assert not await there.discard(blob.sha256, now() - 60)
    assert await here.discard(blob.sha256, now() + 60)
    assert not here.exists(blob.sha256)
    with pytest.raises(FileNotFoundError):
        await there.bring(blob.sha256)


async def test_the_spool_gives_up_what_the_store_has(here: Blobs) -> None:
    kept, only_here = put(here), put(here, b"not in the store")
    await here.keep(kept.sha256)
    for blob in (kept, only_here):
        os.utime(here.path(blob.sha256), (1, 1))
    assert await here.trim() == 1
    assert not here.exists(kept.sha256)
    assert here.exists(only_here.sha256)
    assert await here.bring(kept.sha256) == here.path(kept.sha256)


async def test_a_store_that_is_away_is_told_apart_from_a_missing_file(tmp_path: Path) -> None:
    with s3.server() as settings:
        blobs = Blobs.open(tmp_path / "here", settings)
        blob = put(blobs)
    with pytest.raises(ObjectStoreUnavailable, match="cannot be put into the store"):
        await blobs.keep(blob.sha256)
    blobs.path(blob.sha256).unlink()
    with pytest.raises(ObjectStoreUnavailable, match="cannot be read"):
        await blobs.bring(blob.sha256)


async def test_without_a_store_the_directory_is_all_there_is(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blob = put(blobs)
    await blobs.keep(blob.sha256)
    assert await blobs.bring(blob.sha256) == blobs.path(blob.sha256)
    assert [one async for one in blobs.every()] == [blob.sha256]
    assert not blobs.may_hold("0" * 64)
    assert await blobs.discard(blob.sha256, now() + 60)
    await blobs.follow_spool()  # returns at once: there is none
