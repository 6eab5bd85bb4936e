"""The parts of .NET that the installer uses, on this computer's files."""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class List(list[Any]):
    """System.Collections.Generic.List: unlike an array it is never unrolled when it is passed on."""


class Encoding:
    """One character for each byte."""

    def GetString(self, data: bytes) -> str:  # noqa: N802
        return data.decode("latin-1")

    def GetBytes(self, text: str) -> bytes:  # noqa: N802
        return text.encode("latin-1")


def _encoding(code_page: int) -> Encoding:
    assert code_page == 28591, "Latin-1"
    return Encoding()


def _directories(folder: str) -> list[str]:
    return sorted(str(path) for path in Path(folder).iterdir() if path.is_dir())


def _copy(source: str, target: str, overwrite: bool) -> None:
    if not overwrite and Path(target).exists():
        raise FileExistsError(target)
    shutil.copyfile(source, target)


STATIC: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("text.encoding", "getencoding"): _encoding,
    ("io.path", "combine"): os.path.join,
    ("io.path", "getfullpath"): os.path.abspath,
    ("io.path", "getfilename"): lambda path: Path(path).name,
    ("io.file", "exists"): lambda path: Path(path).is_file(),
    ("io.directory", "exists"): lambda path: Path(path).is_dir(),
    ("io.directory", "getdirectories"): _directories,
    ("io.file", "readallbytes"): lambda path: Path(path).read_bytes(),
    ("io.file", "writeallbytes"): lambda path, data: Path(path).write_bytes(data) and None,
    ("io.file", "copy"): _copy,
    ("io.file", "delete"): lambda path: Path(path).unlink(),
    ("regex", "matches"): lambda text, pattern: list(re.finditer(pattern, text)),
}

METHODS: Mapping[tuple[type, str], Callable[..., Any]] = {
    (str, "contains"): lambda text, part: part in text,
    (str, "endswith"): lambda text, end: text.endswith(end),
    (str, "split"): lambda text, separator: text.split(separator),
    (str, "substring"): lambda text, start, length=None: (
        text[start:] if length is None else text[start : start + length]
    ),
    (str, "trim"): lambda text: text.strip(),
    (List, "add"): lambda found, value: found.append(value),
    (List, "contains"): lambda found, value: value in found,
    (List, "toarray"): list,
    (Encoding, "getstring"): Encoding.GetString,
    (Encoding, "getbytes"): Encoding.GetBytes,
}

PROPERTIES: Mapping[tuple[type, str], Callable[[Any], Any]] = {
    (list, "count"): len,
    (re.Match, "index"): lambda match: match.start(),
    (re.Match, "length"): lambda match: match.end() - match.start(),
    (re.Match, "value"): lambda match: match.group(),
    (re.Match, "groups"): lambda match: [_Group(text) for text in (match.group(), *match.groups())],
}


class _Group(dict[str, Any]):
    def __init__(self, text: str) -> None:
        super().__init__(value=text)


def exception_names(error: BaseException) -> set[str]:
    """What a `catch` may call an error of the file system."""
    if isinstance(error, PermissionError):
        return {"unauthorizedaccessexception"}
    return {"io.ioexception"} if isinstance(error, OSError) else set()
