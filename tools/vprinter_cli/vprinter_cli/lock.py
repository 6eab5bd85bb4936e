"""One `vprinter up` per data directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):  # noqa: N818 - a state of the system, not a mistake
    """Another `vprinter up` holds the data directory."""

    def __init__(self, directory: Path, holder: str) -> None:
        who = f"pid {holder}" if holder else "pid unknown"
        super().__init__(
            f"vprinter is already running on {directory} ({who}): stop that one first, "
            "or give this one another directory with VPRINTER_DATA_DIR"
        )


@contextmanager
def data_directory(directory: Path) -> Iterator[None]:
    """Make the directory if need be and hold its lock; the kernel frees it however the holder ends."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / ".lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(directory, lock.read(20).strip()) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
        lock.truncate(0)
