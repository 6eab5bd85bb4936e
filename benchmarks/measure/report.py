"""Tables and bounds: what a benchmark prints, and whether it was met."""

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

QUIET = 1.0
"""Load average below which the machine had nothing else to do."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that is readable as it is."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    written = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    written.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(written)


@dataclass(frozen=True, slots=True)
class Bound:
    """A promise about a number."""

    what: str
    value: float
    limit: float
    at_least: bool

    @property
    def met(self) -> bool:
        """Whether the promise is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(slots=True)
class Bounds:
    """All promises of a benchmark. `slack`: factor by which short runs, which scatter more, may miss."""

    slack: float = 1.0
    bounds: list[Bound] = field(default_factory=list)

    def at_least(self, what: str, value: float, limit: float) -> None:
        """The more the better."""
        self.bounds.append(Bound(what, value, limit / self.slack, at_least=True))

    def at_most(self, what: str, value: float, limit: float) -> None:
        """The less the better."""
        self.bounds.append(Bound(what, value, limit * self.slack, at_least=False))

    def conclude(self) -> int:
        """Print all; the exit status."""
        rows = [
            (
                bound.what,
                f"{bound.value:.2f}",
                f"{'≥' if bound.at_least else '≤'} {bound.limit:.2f}",
                "yes" if bound.met else "NO",
            )
            for bound in self.bounds
        ]
        note = "" if self.slack == 1.0 else f" (short run: bounds widened by a factor of {self.slack:g})"
        print(f"\n### Bounds{note}\n\n{table(('bound', 'measured', 'wanted', 'met'), rows)}\n", flush=True)
        return 0 if all(bound.met for bound in self.bounds) else 1


def introduce(title: str, versions: Sequence[str]) -> None:
    """Print on what machine, when, and next to how much other work the benchmark runs."""
    load = os.getloadavg()[0]
    busy = "" if load < QUIET else ": NOT QUIET, trust CPU seconds and ratios only"
    print(f"## {title}\n")
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} × {_cpu_model()}, Linux {platform.release()}, ",
        end="",
    )
    print(
        f"Python {platform.python_version()}, {', '.join(versions)}; load average at the start {load:.2f}{busy}\n",
        flush=True,
    )


def version_of(*command: str) -> str:
    """The first line that a program says about itself."""
    said = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return (said.stdout or said.stderr).strip().splitlines()[0]


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
