"""The directory of a CA: its two files, made once, replaced as a pair on command, with the earlier ones kept."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from vprinter_common.certs.pem import CaError

CERTIFICATE_FILE = "bbl_ca.crt"
KEY_FILE = "bbl_ca.key"
_INCOMING = ".incoming"
_EARLIER = "earlier"


def has_any(directory: Path) -> bool:
    """Whether there is a CA, or at least a part of one."""
    return any((directory / name).exists() for name in (CERTIFICATE_FILE, KEY_FILE, _INCOMING))


def read(directory: Path) -> tuple[bytes, bytes]:
    """Certificate and key as they are there; CaError if one is missing or cannot be read."""
    if (directory / _INCOMING).exists():
        with _locked(directory, fcntl.LOCK_EX):
            _take_in(directory)
    certificate_file, key_file = directory / CERTIFICATE_FILE, directory / KEY_FILE
    for present, absent in ((certificate_file, key_file), (key_file, certificate_file)):
        if present.exists() and not absent.exists():
            raise CaError(
                f"{present} is there without {absent.name}: copy the missing file from where this CA was made, "
                f"or remove {present} to have a new CA made, which every slicer must then be told to trust"
            )
    if not directory.is_dir():
        raise CaError(f"{certificate_file} cannot be read: No such file or directory")
    with _locked(directory, fcntl.LOCK_SH):
        return _content(certificate_file), _content(key_file)


def create(directory: Path, certificate: str, key: str) -> None:
    """Write the files of a new CA; CaError if either is there already."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(directory, fcntl.LOCK_EX) as descriptor:
        for name in (CERTIFICATE_FILE, KEY_FILE):
            if (directory / name).exists():
                raise CaError(f"{directory / name} is there already: a CA is never overwritten; move it away first")
        # The key goes first: a certificate that slicers may already trust never stands without its key.
        _write_new(directory / KEY_FILE, key, 0o600)
        _write_new(directory / CERTIFICATE_FILE, certificate, 0o644)
        os.fsync(descriptor)


def replace(directory: Path, certificate: str, key: str, earlier: str) -> None:
    """Put another CA in the place of the one that is there, which is kept in `earlier/<its name>`.

    A crash at any point leaves the one or the other: from the rename of the incoming pair on, the next reader goes on
    where it stopped.
    """
    with _locked(directory, fcntl.LOCK_EX) as descriptor:
        keep = directory / _EARLIER / earlier
        keep.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, mode in ((KEY_FILE, 0o600), (CERTIFICATE_FILE, 0o644)):
            _write_new(keep / name, (directory / name).read_text(encoding="ascii"), mode)
        part = directory / f"{_INCOMING}.{uuid4().hex}"
        try:
            part.mkdir(mode=0o700)
            _write_new(part / KEY_FILE, key, 0o600)
            _write_new(part / CERTIFICATE_FILE, certificate, 0o644)
            part.rename(directory / _INCOMING)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        os.fsync(descriptor)
        _take_in(directory)
        os.fsync(descriptor)


def earlier(directory: Path) -> list[bytes]:
    """The certificates of the CAs that were replaced here."""
    return [file.read_bytes() for file in sorted((directory / _EARLIER).glob(f"*/{CERTIFICATE_FILE}"))]


def _take_in(directory: Path) -> None:
    incoming = directory / _INCOMING
    for name in (KEY_FILE, CERTIFICATE_FILE):
        if (incoming / name).exists():  # not, if a crash came after this step
            (incoming / name).rename(directory / name)
    if incoming.exists():
        incoming.rmdir()


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
        yield descriptor
    finally:
        os.close(descriptor)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CaError(f"{file} cannot be read: {error.strerror}") from error


def _write_new(file: Path, text: str, mode: int) -> None:
    part = file.with_name(f".{file.name}.{uuid4().hex}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
