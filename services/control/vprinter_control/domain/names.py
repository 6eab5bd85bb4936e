"""Names of files and secrets made of letters."""

from random import Random

_SUFFIXES = (".gcode.3mf", ".3mf", ".gcode")
# Without 0 O o, 1 I l: codes are read from a screen and typed into a dialog that hides them.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
CODE_LENGTH = 8


def display_name(filename: str) -> str:
    """The file name without what every sliced file ends in."""
    for suffix in _SUFFIXES:
        if filename.lower().endswith(suffix) and len(filename) > len(suffix):
            return filename[: -len(suffix)]
    return filename


def access_code(randomness: Random) -> str:
    """A fresh access code that nobody misreads."""
    return "".join(randomness.choice(_LETTERS) for _ in range(CODE_LENGTH))
