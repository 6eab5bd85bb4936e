"""A file of the server on this computer: whole, with the bytes that the slicer sent, or not at all."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from vprinter_cli.client import Api
from vprinter_cli.exits import Failure

_STEP = 256 * 1024


def download(api: Api, path: str, digest: str, target: Path | None, *, force: bool) -> None:
    """Save what is at a path of the API; None = to standard output."""
    if target is None:
        _fetch(api, path, digest, sys.stdout.buffer)
        return
    if target.exists() and not force:
        raise Failure(f"{target} is there already: --force overwrites it, -o names another file")
    part = target.with_name(f"{target.name}.part")
    try:
        with _removed_on_failure(part), part.open("wb") as stream:
            _fetch(api, path, digest, stream)
        part.replace(target)
    except OSError as error:
        raise Failure(f"{target} cannot be written: {error.strerror}") from error


def _fetch(api: Api, path: str, digest: str, stream: BinaryIO) -> None:
    hashed = sha256()
    with api.open("GET", path) as response:
        while data := response.read(_STEP):
            hashed.update(data)
            stream.write(data)
    stream.flush()
    if hashed.hexdigest() != digest:
        raise Failure("the file did not arrive whole: try again")


@contextmanager
def _removed_on_failure(part: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        part.unlink(missing_ok=True)
        raise
