"""How the services bear what is done to them: which processes run, the most memory they took, what they logged."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.system.harness import System
from tests.system.processes import SERVICES

MIB = 1 << 20
BOUNDS = {"discovery": 120 * MIB, "ftps": 140 * MIB, "mqtt": 120 * MIB, "proxy": 100 * MIB, "control": 200 * MIB}
"""The most resident memory that each service may ever have taken, in bytes. With asyncio's own 256 KiB for each TLS
connection, 200 half-open ones alone would take as much as a service does at rest."""
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last)"


def peak_memory(pid: int) -> int:
    """The most resident memory that a process has had so far, as the kernel keeps it; bytes."""
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    assert found is not None, f"no VmHWM for {pid}"
    return int(found[1]) * 1024


@dataclass(slots=True)
class Vitals:
    """While the context is open, no service may die, outgrow its bound, or log a traceback."""

    system: System
    pids: dict[str, int] = field(default_factory=dict)
    _read: dict[Path, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.pids = self._pids()
        self._read = {log: log.stat().st_size for log in self.system.processes.log_files()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            return
        assert self._pids() == self.pids, "a service died"
        too_large = {name: peak // MIB for name, peak in self.peaks().items() if peak > BOUNDS[name]}
        assert not too_large, f"MiB at most, beyond {BOUNDS}: {too_large}"
        assert not (found := self.tracebacks()), found

    def peaks(self) -> dict[str, int]:
        """The most memory of each service, in bytes."""
        return {name: peak_memory(pid) for name, pid in self.pids.items()}

    def tracebacks(self) -> list[str]:
        """Tracebacks logged since the context was opened."""
        found = []
        for log in self.system.processes.log_files():
            with log.open(encoding="utf-8", errors="replace") as file:
                file.seek(self._read.get(log, 0))
                lines = file.read().splitlines()
            found += ["\n".join(lines[n : n + 30]) for n, line in enumerate(lines) if _TRACEBACK in line]
        return found

    def _pids(self) -> dict[str, int]:
        return {name: pid for name in SERVICES if (pid := self.system.processes.pid(name)) is not None}
