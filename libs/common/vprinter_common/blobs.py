"""The content-addressed store as a directory. Everything here blocks: call it from a worker thread.

    <root>/lock                     shared by those who add, exclusive to those who take away
    <root>/incoming/<upload>.part   being received; its writer holds a lock on it for as long as it lives
    <root>/sha256/ab/<hash>         kept; never changed once there

`OSError` (disk full, no permission) is passed on as it is; the caller knows what it means for its client.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

_UPLOAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

Checkpoint = Callable[[str], None]


class BlobError(Exception):
    """The store was asked for something it never does; the message says what."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Kept content: SHA-256 in lower-case hex, size in bytes."""

    sha256: str
    size: int


class Part:
    """A file being received. One thread at a time; as a context manager it discards what was not committed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = 0
        self._descriptor = descriptor
        self._hash = hashlib.sha256()

    def write(self, data: memoryview | bytes) -> None:
        """Append; returns when all of it is with the kernel and in the hash."""
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view):
            written += os.write(self.descriptor, view[written:])
        self._hash.update(view)
        self.size += len(view)

    @property
    def sha256(self) -> str:
        """The hash of what has been written so far."""
        return self._hash.hexdigest()

    @property
    def descriptor(self) -> int:
        """The open file; BlobError once the part is committed or discarded."""
        if self._descriptor < 0:
            raise BlobError(f"the part {self.path.name} is committed or discarded already")
        return self._descriptor

    def reader(self) -> BinaryIO:
        """The content so far, seekable, with a position of its own; close it before committing."""
        return self.path.open("rb")

    def discard(self) -> None:
        """Remove every trace; nothing happens to a part that is committed or discarded already."""
        if self._descriptor >= 0:
            self.path.unlink(missing_ok=True)
            self.release()

    def release(self) -> None:
        """Close the file and, with it, give up its lock."""
        os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def _ignore(_: str) -> None:
    """No fault is injected."""


class DirectoryBlobs:
    """The store below a directory of one file system, shared by processes of one user."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"
        self._kept = root / "sha256"
        for directory in (self._incoming, self._kept):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (root, root.parent):
            _sync_directory(directory)

    def open_part(self, upload_id: str) -> Part:
        """A new, empty part; BlobError if the id is malformed or in use."""
        if not _UPLOAD_ID.fullmatch(upload_id):
            raise BlobError(f"{upload_id!r} is not an upload id: 1 to 64 letters, digits, - or _")
        path = self._incoming / f"{upload_id}.part"
        with self._locked(fcntl.LOCK_SH):  # no sweep between making the file and locking it
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError as error:
                raise BlobError(f"an upload {upload_id} is being received already") from error
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        return Part(path, descriptor)

    def commit(self, part: Part, checkpoint: Checkpoint = _ignore) -> Blob:
        """Keep a part for good: when this returns, a power cut does not lose it.

        After an error, discard the part; content that has reached its place stays there and is collected like any
        other that nobody refers to. `checkpoint` is called after each step ("fsynced", "renamed", "directory_synced"),
        so that a test can fail there.
        """
        blob = Blob(part.sha256, part.size)
        os.utime(part.descriptor)
        os.fsync(part.descriptor)
        checkpoint("fsynced")
        target = self.path(blob.sha256)
        with self._locked(fcntl.LOCK_SH):
            target.parent.mkdir(mode=0o700, exist_ok=True)
            if _touch(target, blob.size):
                part.path.unlink()
            else:
                part.path.rename(target)
            checkpoint("renamed")
            # Also when blob or directory were there already: whoever brought them may not have come this far yet.
            _sync_directory(target.parent)
            _sync_directory(self._kept)
        checkpoint("directory_synced")
        part.release()
        return blob

    def sweep(self) -> list[str]:
        """Remove the parts whose writers are dead; returns their upload ids."""
        with self._locked(fcntl.LOCK_EX):
            return [path.stem for path in sorted(self._incoming.glob("*.part")) if _remove_if_orphaned(path)]

    def collect(self, sha256: str, untouched_since: float) -> bool:
        """Delete a blob nobody refers to, unless it came (again) at or after that POSIX time; returns whether it did.

        Give the time at which the absence of references was read, minus the longest time an upload may be in custody
        before it is registered: the same bytes may have come in again since.
        """
        path = self.path(sha256)
        with self._locked(fcntl.LOCK_EX):
            try:
                if path.stat().st_mtime >= untouched_since:
                    return False
            except FileNotFoundError:
                return False
            path.unlink()
            _sync_directory(path.parent)
        return True

    def path(self, sha256: str) -> Path:
        """Where content with this hash is, or would be; BlobError if it is no hash."""
        if not _SHA256.fullmatch(sha256):
            raise BlobError(f"{sha256[:80]!r} is not a SHA-256 in lower-case hex")
        return self._kept / sha256[:2] / sha256

    def exists(self, sha256: str) -> bool:
        """Whether the content is kept."""
        return self.path(sha256).is_file()

    def size(self, sha256: str) -> int:
        """Bytes of kept content; FileNotFoundError if it is not kept."""
        return self.path(sha256).stat().st_size

    def hashes(self) -> Iterator[str]:
        """Every kept hash, in no order: what to compare with the references when looking for what nobody needs."""
        for path in self._kept.glob("??/*"):
            yield path.name

    def free_bytes(self) -> int:
        """What the file system still takes from an ordinary user."""
        space = os.statvfs(self.root)
        return space.f_bavail * space.f_frsize

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)


def _remove_if_orphaned(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # discarded meanwhile
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _touch(path: Path, size: int) -> bool:
    """Mark kept content as come in again, durably; False if it is not there or is not whole."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(descriptor).st_size != size:
            return False
        os.utime(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
