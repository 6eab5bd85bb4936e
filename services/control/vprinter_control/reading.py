"""Reads kept files in worker threads: beside the event loop, and never for long."""

import asyncio

import structlog

from vprinter_common.object_store import Blobs, ObjectStoreUnavailable
from vprinter_control.threemf import Contents, read_contents

log = structlog.get_logger()

PATIENCE = 10.0
"""Seconds after which a file is taken unread, and read another time. The reader itself gives up sooner; only a disk
that does not answer keeps it so long."""
MISSING = "the file is missing from the store"


async def read_kept(blobs: Blobs, sha256: str, filename: str, patience: float = PATIENCE) -> Contents:
    """What a kept file holds; whatever goes wrong is said in it."""
    try:
        async with asyncio.timeout(patience):
            path = await blobs.bring(sha256)
            return await asyncio.to_thread(read_contents, path, filename)
    except FileNotFoundError:
        return Contents(error=MISSING, reader=0)
    except ObjectStoreUnavailable as error:
        return Contents(error=f"{error}; it is tried again later", reader=0)
    except TimeoutError:
        log.warning("file_reads_slowly", sha256=sha256, seconds=patience)
        return Contents(error=f"reading took longer than {patience:g} seconds; it is tried again later", reader=0)
