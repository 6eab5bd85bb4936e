"""200 slicers with a full report a second: our mqtt service next to mosquitto and amqtt, in turn, in one run.

    python -m benchmarks.mqtt_sessions [--quick]

*fanout*: one printer, 200 slicers. *spread*: 200 printers, one slicer each. Ends with status 1 if a bound is missed.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders.mqtt import Assignment, Contender, amqtt, full_report, mosquitto, ours
from benchmarks.measure.house import House, Keys, house, make_keys
from benchmarks.measure.program import Program, load, require
from benchmarks.measure.punctuality import PERIOD, Reports, behind_the_first, delivered, missed, off_the_beat
from benchmarks.measure.report import Bounds, introduce, table, version_of
from benchmarks.measure.usage import cpu_seconds, memory
from tests.common.printers import CODE

SETTLE = 1.0
"""Seconds that nothing is looked at after a start. After the last login, it is for a period at least: `between_beats`."""
HOLD_OUT = 8.0
"""Seconds next to a slicer that does not read: it is thrown out after 5, and comes again."""
ALL_BUT_NOTHING = 0.02
"""Seconds by which the slowest of a hundred reports may come later next to a slicer that does not read."""


@dataclass(frozen=True, slots=True)
class Case:
    """A way to divide the slicers among printers. `printers` None: each slicer has its own; `window`: seconds."""

    title: str
    printers: int | None
    rounds: int
    window: float


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `slack`: factor on every bound."""

    slicers: int
    fanout: Case
    spread: Case
    slack: float


# Our service has work that comes every 10 s (each printer's status) and every 30 s (desired state is read anew): with
# 200 printers that is much of all, and a window that does not hold whole periods would measure chance.
FULL = Size(
    slicers=200,
    fanout=Case("fanout", 1, rounds=3, window=10.0),
    spread=Case("spread", None, rounds=1, window=30.0),
    slack=1.0,
)
QUICK = Size(
    slicers=200,
    fanout=Case("fanout", 1, rounds=1, window=3.0),
    spread=Case("spread", None, rounds=1, window=10.0),
    slack=1.5,
)


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen in one window. CPU in seconds per second, memory in bytes."""

    server: float
    producer: float
    memory: int
    reports: Reports

    @property
    def cpu(self) -> float:
        """All that it took for the slicers to have their reports."""
        return self.server + self.producer


def watch(contender: Contender, slicers: Program, seconds: float) -> Window:
    """Watch one window."""
    pids = [contender.server, contender.producer or contender.server]
    between_beats(slicers)
    before, started = [cpu_seconds(pid) for pid in pids], time.monotonic()
    slicers.say(str(seconds))
    reports: Reports = json.loads(slicers.hear())
    took = time.monotonic() - started
    server, producer = ((cpu_seconds(pid) - was) / took for pid, was in zip(pids, before, strict=True))
    return Window(server, producer if contender.producer else 0.0, memory(contender.server), reports)


def between_beats(slicers: Program) -> None:
    """Wait until half a period from any report: a beat at the border of a window would be counted or not by chance."""
    slicers.say(str(PERIOD))
    came = statistics.median(at for of_one in json.loads(slicers.hear()) for at, _sequence in of_one)
    time.sleep((came + PERIOD / 2 - time.monotonic()) % PERIOD)


@contextmanager
def logged_in(contender: Contender, directory: Path) -> Iterator[Program]:
    """Slicers that are logged in."""
    with Program(load("slicers", CODE), directory / "slicers.log", talks=True) as slicers:
        slicers.say(json.dumps(contender.places))
        slicers.hear()
        yield slicers


def compare(case: Case, served: House, directory: Path, keys: Keys, size: Size) -> dict[str, list[Window]]:
    """Each in turn, as often as the case says."""
    task = Assignment(directory, keys, len(served.printers), size.slicers)
    contenders: dict[str, Callable[[], AbstractContextManager[Contender]]] = {
        "ours": lambda: nullcontext(ours(served, size.slicers)),
        "mosquitto + paho": lambda: mosquitto(task),
        "amqtt": lambda: amqtt(task),
    }
    seen: dict[str, list[Window]] = defaultdict(list)
    for _ in range(case.rounds):
        for name, contender in contenders.items():
            with contender() as running, logged_in(running, directory) as slicers:
                seen[name].append(watch(running, slicers, case.window))
    rows = [_row(name, windows, shared=len(served.printers) == 1) for name, windows in seen.items()]
    print(f"### {case.title}\n\n{table(HEAD, rows)}\n", flush=True)
    return seen


def hold_out(served: House, directory: Path, size: Size, bounds: Bounds) -> None:
    """One slicer that never reads, next to the others."""
    contender = ours(served, size.slicers)
    address, port, topic = contender.places[0]
    with logged_in(contender, directory) as slicers:
        without = watch(contender, slicers, HOLD_OUT)
        command = load("stalled", address, str(port), topic, CODE)
        with Program(command, directory / "stalled.log", talks=True) as stalled:
            stalled.hear()
            beside = watch(contender, slicers, HOLD_OUT)
            stalled.say("")
            connections = int(stalled.hear())
    rows = [_row("without", [without]), _row(f"with ({connections} connections of it)", [beside])]
    print(f"### fanout, one more slicer that asks and never reads\n\n{table(HEAD, rows)}\n", flush=True)
    bounds.at_most("never reading: reports the others missed", missed(beside.reports), 0)
    fewest = min(map(len, beside.reports)) / min(map(len, without.reports))
    bounds.at_least("never reading: reports of the worst served, against without", fewest, (HOLD_OUT - 1) / HOLD_OUT)
    bounds.at_least("never reading: times it had to come", connections, 2 * bounds.slack)
    later = behind_the_first(beside.reports) - behind_the_first(without.reports)
    bounds.at_most("never reading: p99 later by ms", 1e3 * later, 1e3 * ALL_BUT_NOTHING)


HEAD = (
    "server",
    "CPU %",
    "producer CPU %",
    "RSS MB",
    "reports",
    "missed",
    "p99 behind the first ms",
    "p99 off the beat ms",
)


def _row(name: str, windows: Sequence[Window], *, shared: bool = True) -> list[str]:
    """`shared`: all slicers get the same reports, so that it can be said who had one first."""
    behind = f"{1e3 * statistics.median(behind_the_first(window.reports) for window in windows):.1f}"
    return [
        name,
        _spread([100 * window.server for window in windows]),
        _spread([100 * window.producer for window in windows]) if windows[0].producer else "in it",
        f"{max(window.memory for window in windows) / 1e6:.0f}",
        str(sum(delivered(window.reports) for window in windows)),
        str(sum(missed(window.reports) for window in windows)),
        behind if shared else "",
        f"{1e3 * statistics.median(off_the_beat(window.reports) for window in windows):.1f}",
    ]


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def judge(title: str, seen: dict[str, list[Window]], bounds: Bounds) -> None:
    """The bounds on CPU; the broker alone and the broker with its producer are two numbers."""
    our = statistics.median(window.cpu for window in seen["ours"])
    broker = statistics.median(window.server for window in seen["mosquitto + paho"])
    both = statistics.median(window.cpu for window in seen["mosquitto + paho"])
    amqtts = statistics.median(window.cpu for window in seen["amqtt"])
    if title == "fanout":
        bounds.at_most("fanout: CPU, ours / mosquitto without its producer", our / broker, 1.5)
    else:
        print(f"spread: CPU, ours / mosquitto without its producer: {our / broker:.2f} (no bound)\n")
    bounds.at_most(f"{title}: CPU, ours / (mosquitto + producer)", our / both, 1.5)
    bounds.at_most(f"{title}: CPU, ours / amqtt", our / amqtts, 0.5)
    bounds.at_most(f"{title}: reports our slicers missed", sum(missed(window.reports) for window in seen["ours"]), 0)


def main() -> int:
    """Run everything; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round, wider bounds")
    size = QUICK if parser.parse_args().quick else FULL
    require("mosquitto")
    introduce(
        f"mqtt: {size.slicers} slicers over TLS",
        [version_of("/usr/sbin/mosquitto", "-h"), f"report of {len(full_report())} bytes"],
    )
    bounds = Bounds(size.slack)
    with tempfile.TemporaryDirectory(prefix="vprinter-bench-") as name:
        directory = Path(name)
        keys = make_keys(directory)
        for case in (size.fanout, size.spread):
            (room := directory / case.title).mkdir()
            with house("mqtt", room, keys, case.printers or size.slicers) as served:
                time.sleep(SETTLE)
                judge(case.title, compare(case, served, room, keys, size), bounds)
                if case is size.fanout:
                    hold_out(served, room, size, bounds)
    return bounds.conclude()


if __name__ == "__main__":
    sys.exit(main())
