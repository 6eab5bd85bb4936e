"""A virtual printer's memory card: what slicers sent to it, as FTP shows it while the file is kept. Blocking."""

import hashlib
import threading
from datetime import datetime
from pathlib import Path, PurePosixPath

import structlog
from pydantic import AwareDatetime, Field, ValidationError

from vprinter_common.contracts.message import FileName, Message, Sha256
from vprinter_common.object_store import Blobs

log = structlog.get_logger()

MAX_FILES = 5000
"""Files on one card; the oldest are forgotten first. The archive keeps them all."""


class CardFile(Message):
    """One file on the card: where it is shown, and which blob it is."""

    folder: str
    name: FileName
    sha256: Sha256
    size: int = Field(ge=0)
    modified: AwareDatetime

    @property
    def path(self) -> PurePosixPath:
        """Where the client sees it."""
        return PurePosixPath(self.folder) / self.name


class Card:
    """The files of one printer; each is a small JSON file beside the others, for any name a file may have."""

    def __init__(self, directory: Path, blobs: Blobs) -> None:
        self._directory = directory
        self._blobs = blobs
        self._lock = threading.Lock()
        self._files: dict[PurePosixPath, CardFile] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for unfinished in directory.glob("*.tmp"):
            unfinished.unlink()
        self._load()

    def _load(self) -> None:
        found = []
        for path in self._directory.glob("*.json"):
            try:
                found.append(CardFile.decode(path.read_bytes()))
            except ValidationError as error:
                log.warning("card_entry_unreadable", entry=str(path), error=str(error))
                path.unlink()
        for file in sorted(found, key=lambda file: file.modified):
            self._files[file.path] = file

    def put(self, path: PurePosixPath, sha256: str, size: int, modified: datetime) -> None:
        """Show a file; one of the same path is replaced."""
        file = CardFile(folder=str(path.parent), name=path.name, sha256=sha256, size=size, modified=modified)
        with self._lock:
            entry = self._entry(path)
            unfinished = entry.with_suffix(".tmp")
            unfinished.write_bytes(file.encode())
            unfinished.rename(entry)
            self._files.pop(path, None)
            self._files[path] = file
            if len(self._files) > MAX_FILES:
                self._forget(next(iter(self._files)))

    def find(self, path: PurePosixPath) -> CardFile | None:
        """The file at a path, if it is still kept."""
        with self._lock:
            file = self._files.get(path)
            if file is not None and not self._blobs.may_hold(file.sha256):
                self._forget(path)
                return None
            return file

    def files_in(self, folder: PurePosixPath) -> list[CardFile]:
        """The files of a folder that are still kept, by name."""
        with self._lock:
            paths = [path for path in self._files if path.parent == folder]
        found = (self.find(path) for path in paths)
        return sorted((file for file in found if file is not None), key=lambda file: file.name)

    def remove(self, path: PurePosixPath) -> bool:
        """Show a file no longer; the archive keeps it. False if it was not there."""
        with self._lock:
            return self._forget(path)

    def _forget(self, path: PurePosixPath) -> bool:
        self._entry(path).unlink(missing_ok=True)
        return self._files.pop(path, None) is not None

    def _entry(self, path: PurePosixPath) -> Path:
        # A name of 255 bytes leaves no room for an ending, and two names may differ in case only.
        return self._directory / f"{hashlib.sha256(str(path).encode()).hexdigest()[:40]}.json"
