"""Values as strangers write them, made fit to be kept and shown; None for what makes no sense."""

import re
import unicodedata
from html import unescape
from math import isfinite
from typing import Any

_COLOR = re.compile(r"#?([0-9A-Fa-f]{6})(?:[0-9A-Fa-f]{2})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{0,12})?", re.ASCII)
# Left out: what no database takes or no screen shows, and marks that turn the text around them.
_UNWANTED = ("Cc", "Cs")
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_MOST_ESCAPES = 5
MAX_TEXT = 255


def text(value: Any, most: int = MAX_TEXT) -> str | None:
    """One line of text in any script, at most so many characters."""
    if not isinstance(value, str):
        return None
    composed = unicodedata.normalize("NFC", value[: 4 * most])
    spaced = "".join(" " if character.isspace() else character for character in composed)
    kept = "".join(
        character
        for character in spaced
        if character not in _TURNING and unicodedata.category(character) not in _UNWANTED
    )
    return " ".join(kept.split())[:most].strip() or None


def escaped_text(value: str, most: int = MAX_TEXT) -> str | None:
    """Text that was escaped for HTML, perhaps several times over."""
    value = value[: 16 * most]
    for _ in range(_MOST_ESCAPES):
        plain = unescape(value)
        if plain == value:
            break
        value = plain
    return text(value, most)


def color(value: Any) -> str | None:
    """#RRGGBB; what is said of transparency is left out."""
    match = _COLOR.fullmatch(value.strip()) if isinstance(value, str) else None
    return f"#{match[1].upper()}" if match else None


def whole(value: Any, most: int = 10**9) -> int | None:
    """A whole number from 0 to `most`."""
    if isinstance(value, str):
        value = int(value.strip()) if _WHOLE.fullmatch(value.strip()) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= most else None


def number(value: Any, most: float = 1e9) -> float | None:
    """A number from 0 to `most`, with three decimals at most."""
    if isinstance(value, str):
        value = float(value.strip()) if _NUMBER.fullmatch(value.strip()) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return round(float(value), 3) if 0 <= value <= most and isfinite(value) else None


def positive(value: Any, most: float = 1e9) -> float | None:
    """A number above 0: slicers write 0 for what they have not worked out."""
    return number(value, most) or None


def first(value: Any) -> Any:
    """The first of a list, or of values with commas between them."""
    if isinstance(value, list):
        return value[0] if value else None
    return value.split(",")[0] if isinstance(value, str) else value
