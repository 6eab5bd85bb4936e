"""Blobs in an S3-compatible store: several nodes, and a node that takes over from another, then have the same files.

The directory is the spool of this node then. A file is put into the store before anybody is told of it, and brought back
where it is wanted and not in the spool (any more). Without a store the directory is all there is.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog

from vprinter_common.blobs import DirectoryBlobs
from vprinter_common.contracts.message import new_id
from vprinter_common.runtime.settings import ObjectStoreSettings

if TYPE_CHECKING:
    from vprinter_common.bucket import Bucket

log = structlog.get_logger()

FRESH = timedelta(minutes=5)
"""What came (again) so lately need not be put once more. Half of the grace that is given before something is deleted."""
TRIM_EVERY = 3600.0
"""Seconds between two looks for what the spool need not hold."""


class ObjectStoreUnavailable(Exception):  # noqa: N818 - a state of the store, not a mistake
    """The store did not do it; the text says why."""


class Blobs(DirectoryBlobs):
    """The directory and what is behind it. What is async here may raise ObjectStoreUnavailable."""

    def __init__(self, root: Path, store: "Bucket | None" = None, spool_time: timedelta = timedelta(days=1)) -> None:
        super().__init__(root)
        self._store = store
        self._spool_time = spool_time

    @classmethod
    def open(cls, root: Path, settings: ObjectStoreSettings) -> Self:
        """As the settings say. The store is not asked yet. Blocking."""
        return cls(root, _store(settings), timedelta(hours=settings.spool_hours))

    def may_hold(self, sha256: str) -> bool:
        """Whether it can be brought, as far as is known without asking."""
        return self._store is not None or self.exists(sha256)

    async def keep(self, sha256: str) -> None:
        """See that the store has a file of the spool, and has it freshly, so that nobody deletes it as forgotten."""
        if self._store is None:
            return
        path = self.path(sha256)
        try:
            known = await self._head(sha256)
            if known is not None and _age(known[1]) < FRESH:
                return
            await self._store.put(_key(sha256), path)
        except OSError as error:
            raise ObjectStoreUnavailable(f"{sha256[:12]} cannot be put into the store: {error}") from error

    async def bring(self, sha256: str) -> Path:
        """Where the file is in the directory, brought there if need be; FileNotFoundError if it is nowhere."""
        path = self.path(sha256)
        if await asyncio.to_thread(path.is_file):
            return path
        if self._store is None:
            raise FileNotFoundError(path)
        try:
            with await asyncio.to_thread(self.open_part, new_id()) as part:
                async for piece in self._store.pieces(_key(sha256)):
                    await asyncio.to_thread(part.write, piece)
                if part.sha256 != sha256:
                    raise ObjectStoreUnavailable(f"{sha256[:12]} in the store holds other bytes than its name says")
                await asyncio.to_thread(self.commit, part)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ObjectStoreUnavailable(f"{sha256[:12]} cannot be read: {error}") from error
        return path

    async def every(self) -> AsyncIterator[str]:
        """Every kept hash, here and in the store; one may come twice."""
        for sha256 in await asyncio.to_thread(lambda: list(self.hashes())):
            yield sha256
        if self._store is None:
            return
        try:
            async for key in self._store.keys():
                yield key.rpartition("/")[2]
        except OSError as error:
            raise ObjectStoreUnavailable(f"the store cannot be listed: {error}") from error

    async def discard(self, sha256: str, untouched_since: float) -> bool:
        """As `collect`, in the store too; whether something was deleted."""
        gone = await asyncio.to_thread(self.collect, sha256, untouched_since)
        if self._store is None or await asyncio.to_thread(self.exists, sha256):
            return gone
        try:
            known = await self._head(sha256)
            if known is None or known[1].timestamp() >= untouched_since:
                return gone
            await self._store.delete(_key(sha256))
        except OSError as error:
            raise ObjectStoreUnavailable(f"{sha256[:12]} cannot be deleted: {error}") from error
        return True

    async def follow_spool(self) -> None:
        """Take out of the spool what the store has and nobody wanted lately, for ever."""
        while self._store is not None:
            try:
                if gone := await self.trim():
                    log.info("spool_trimmed", files=gone)
            except (ObjectStoreUnavailable, OSError) as error:
                log.warning("spool_not_trimmed", error=str(error))
            await asyncio.sleep(TRIM_EVERY)

    async def trim(self) -> int:
        """One look; how many files left the spool."""
        before, gone = (datetime.now(UTC) - self._spool_time).timestamp(), 0
        for sha256 in await asyncio.to_thread(lambda: list(self.hashes())):
            size = await asyncio.to_thread(self.size, sha256)
            try:
                known = await self._head(sha256)
            except OSError as error:
                raise ObjectStoreUnavailable(f"the store does not answer: {error}") from error
            if known is not None and known[0] == size:
                gone += await asyncio.to_thread(self.collect, sha256, before)
        return gone

    async def _head(self, sha256: str) -> tuple[int, datetime] | None:
        """Size, and when it was put last."""
        assert self._store is not None  # noqa: S101 - its callers have looked
        return await self._store.head(_key(sha256))


def _store(settings: ObjectStoreSettings) -> "Bucket | None":
    if settings.bucket is None:
        return None
    from vprinter_common.bucket import Bucket  # noqa: PLC0415 - most have no bucket, and the memory for something else

    return Bucket(settings.bucket, settings)


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _age(moment: datetime) -> timedelta:
    return datetime.now(UTC) - moment
