"""A bucket of an S3-compatible store. What fails raises OSError; the library behind it takes 7 MB of memory once imported."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from obstore import delete_async, get_async, head_async, put_async
from obstore import list as list_objects
from obstore.exceptions import BaseError
from obstore.store import S3Store

from vprinter_common.runtime.settings import ObjectStoreSettings

PIECE = 8 * 1024 * 1024
"""Bytes that are moved at a time."""
TRIES, TRY_WITHIN = 3, timedelta(seconds=30)
PAGE = 1000
"""Names that are listed at a time."""


class Bucket:
    """Files by their keys."""

    def __init__(self, name: str, settings: ObjectStoreSettings) -> None:
        """The store is not asked yet."""
        keys = {
            name: value.get_secret_value()
            for name, value in (("access_key_id", settings.access_key), ("secret_access_key", settings.secret_key))
            if value is not None
        }
        endpoint = {"endpoint": settings.endpoint} if settings.endpoint else {}
        config: Any = {"region": settings.region, **endpoint, **keys}
        self._store = S3Store(
            name,
            prefix=settings.prefix,
            config=config,
            client_options={"allow_http": True, "timeout": TRY_WITHIN},
            retry_config={"max_retries": TRIES, "retry_timeout": TRY_WITHIN},
        )

    async def put(self, key: str, path: Path) -> None:
        """Put a file there."""
        with _told():
            await put_async(self._store, key, path, chunk_size=PIECE)

    async def pieces(self, key: str) -> AsyncIterator[memoryview]:
        """The file, piece by piece; FileNotFoundError if there is none."""
        with _told():
            found = await get_async(self._store, key)
            async for piece in found.stream(min_chunk_size=PIECE):
                yield memoryview(piece)

    async def head(self, key: str) -> tuple[int, datetime] | None:
        """Size, and when it was put last; None if there is no such file."""
        try:
            with _told():
                found = await head_async(self._store, key)
        except FileNotFoundError:
            return None
        return found["size"], found["last_modified"]

    async def delete(self, key: str) -> None:
        """Delete a file."""
        with _told():
            await delete_async(self._store, key)

    async def keys(self) -> AsyncIterator[str]:
        """The key of every file."""
        with _told():
            async for page in list_objects(self._store, chunk_size=PAGE):
                for one in page:
                    yield one["path"]


@contextmanager
def _told() -> Iterator[None]:
    """Say in one sentence what failed."""
    try:
        yield
    except OSError:  # FileNotFoundError is one of the library's own errors, too
        raise
    except BaseError as error:
        raise OSError((str(error).splitlines() or [type(error).__name__])[0][:300]) from error
