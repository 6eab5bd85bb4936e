"""What a process used: CPU time to the nanosecond where the kernel gives it, and memory at its peak."""

import time
from pathlib import Path

import psutil

_PROCESS_WIDE = 2
"""Kind of clock in a clock id: scheduler time of all threads, those that have ended too."""
_RESET_PEAK = "5"


def cpu_seconds(pid: int) -> float:
    """CPU time that the process has used since its start; its children are not counted."""
    return time.clock_gettime(~pid << 3 | _PROCESS_WIDE)


def family_cpu_seconds(pid: int) -> float:
    """CPU time of all that descends from the process, dead or alive; in steps of 10 ms."""
    root = psutil.Process(pid)
    spent = root.cpu_times()
    total = spent.children_user + spent.children_system
    for child in root.children(recursive=True):
        try:
            of_child = child.cpu_times()
        except psutil.NoSuchProcess:  # its time is among that of its parent's children by now
            continue
        total += of_child.user + of_child.system + of_child.children_user + of_child.children_system
    return float(total)


def memory(pid: int) -> int:
    """Bytes of physical memory now."""
    return int(psutil.Process(pid).memory_info().rss)


def peak_memory(pid: int) -> int:
    """The most bytes of physical memory since the start or since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has no memory any more")


def forget_peak(pid: int) -> None:
    """Let `peak_memory` start anew."""
    Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)
