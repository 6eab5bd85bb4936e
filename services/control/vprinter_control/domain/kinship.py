"""Which files are likely to be of one project."""

import re
from hashlib import sha256

from vprinter_control.domain.names import display_name
from vprinter_control.domain.search_text import fold

# What slicers put behind the project's name when they send one plate of it.
_PLATE = re.compile(r"[ _-]*(?:-\s*)?plate[ _-]*\d+$")


def project_key(title: str | None, designer: str | None, filename: str) -> str | None:
    """The same for files of one project: those with one title and designer, or else with one file name."""
    if title:
        return _hash("title", fold(title), fold(designer or ""))
    name = _PLATE.sub("", fold(display_name(filename))).strip()
    return _hash("name", name) if name else None


def _hash(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
