"""One terminal for several programs: every line says whose it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TextIO

_COLOURS = ("36", "32", "33", "35", "34", "96")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(10, 32), 127, *range(128, 160))}
"""What strangers send ends up in logs; it must not steer the terminal."""


def harmless(line: str) -> str:
    """A line that cannot steer the terminal."""
    return line.translate(_CONTROL)


@dataclass(frozen=True, slots=True)
class Console:
    """Writes prefixed lines and blocks of text. A reader that went away is no reason to stop the printers."""

    stream: TextIO
    names: tuple[str, ...]
    terminal: bool
    """Whether a person reads it, not a file or a journal."""
    colours: bool

    @classmethod
    def on(cls, stream: TextIO, names: tuple[str, ...], environ: Mapping[str, str]) -> Self:
        """A console for these names; coloured on a terminal only, and not if NO_COLOR is set."""
        terminal = stream.isatty()
        return cls(stream, names, terminal, terminal and not environ.get("NO_COLOR"))

    def say(self, name: str, line: str) -> None:
        """Write one line of a program."""
        prefix = f"{name:<{max(map(len, self.names))}} |"
        if self.colours:
            prefix = f"\x1b[{_COLOURS[self.names.index(name) % len(_COLOURS)]}m{prefix}\x1b[0m"
        self._write(f"{prefix} {harmless(line)}\n")

    def block(self, text: str) -> None:
        """Write text as it is."""
        self._write(text)

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (BrokenPipeError, ValueError):  # ValueError: closed
            return
