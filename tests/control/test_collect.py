"""Deleting files that nobody refers to."""

import os
from pathlib import Path

import pytest

from tests.control.harness import Api, Parts, stored
from tests.simulators import threemf
from vprinter_common.contracts.printer import Mode
from vprinter_control.collect import Collector
from vprinter_control.store import review

CUBE = threemf.sliced()
GRACE = 600.0


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """The receipts of ftps."""
    (tmp_path / "outbox").mkdir()
    return tmp_path / "outbox"


@pytest.fixture
def collector(parts: Parts, outbox: Path) -> Collector:
    """The garbage collection."""
    return Collector(
        parts.database,
        parts.blobs,
        parts.bus.as_bus(),
        outbox,
        parts.clock,
        parts.control.metrics,
        GRACE,
    )


def age(parts: Parts, sha: str, seconds: float) -> None:
    """Let the file have come in so many seconds ago."""
    at = parts.clock().timestamp() - seconds
    os.utime(parts.blobs.path(sha), (at, at))


async def test_a_file_goes_with_its_last_reference(api: Api, parts: Parts, collector: Collector) -> None:
    sha = parts.keep(CUBE)
    facts = [stored(CUBE), stored(CUBE), stored(CUBE, mode=Mode.REVIEW)]
    for fact in facts:
        await parts.take(fact)
    age(parts, sha, GRACE + 1)
    for path in (f"archive/{facts[0].upload}", f"archive/{facts[1].upload}"):
        await api.delete(path)
        assert await collector.collect() == []
    await api.post(f"pending/{facts[2].upload}/discard")
    assert await collector.collect() == []
    parts.clock.forward(60)
    async with parts.database.write() as session:
        await review.clear_out(session, parts.clock(), parts.clock())
    age(parts, sha, GRACE + 1)
    assert await collector.collect() == [sha]
    assert not parts.blobs.exists(sha)
    assert await collector.collect() == []


async def test_bytes_that_come_again_are_kept_again(api: Api, parts: Parts, collector: Collector) -> None:
    sha = parts.keep(CUBE)
    fact = stored(CUBE)
    await parts.take(fact)
    await api.delete(f"archive/{fact.upload}")
    age(parts, sha, GRACE + 1)
    assert await collector.collect() == [sha]
    parts.keep(CUBE)
    await parts.take(stored(CUBE))
    (item,) = await api.items(f"archive?sha256={sha}")
    assert item["reader_error"] is None


async def test_nothing_is_deleted_within_the_grace(parts: Parts, collector: Collector) -> None:
    sha = parts.keep(CUBE)
    age(parts, sha, GRACE - 1)
    assert await collector.collect() == []
    age(parts, sha, GRACE + 1)
    assert await collector.collect() == [sha]


async def test_nothing_is_deleted_while_an_upload_is_on_its_way(
    parts: Parts, collector: Collector, outbox: Path
) -> None:
    sha = parts.keep(CUBE)
    age(parts, sha, GRACE + 1)
    parts.bus.waiting = 1
    assert await collector.collect() == []
    parts.bus.waiting = 0
    (outbox / "u.json").write_text("{}")
    assert await collector.collect() == []
    (outbox / "corrupt").mkdir()
    (outbox / "u.json").rename(outbox / "corrupt" / "u.json")
    assert await collector.collect() == [], "a receipt set aside still speaks for its file"
    (outbox / "corrupt" / "u.json").unlink()
    assert await collector.collect() == [sha]
