"""Relays to a printer: our proxy next to haproxy, nginx, stunnel and socat, in turn, in one run.

    python -m benchmarks.relay [--quick]

Ours relays a whole FTPS upload, dialogue included, as a slicer makes it; the peers get bare connections.
Ends with status 1 if a bound is missed or a byte did not arrive.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders.relay import Contender, Sink, ours, peers, sink
from benchmarks.load.relay_source import in_clear, in_tls
from benchmarks.measure.house import make_keys
from benchmarks.measure.program import require
from benchmarks.measure.report import Bounds, introduce, table, version_of

MEMORY = Path("/dev/shm")
STREAMS = 20
STREAMS_MB = 60.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is sent, in MiB; `slack`: factor on every bound."""

    single: int
    stream: int
    rounds: int
    slack: float


FULL = Size(single=512, stream=64, rounds=7, slack=1.0)
QUICK = Size(single=96, stream=8, rounds=3, slack=1.5)


@dataclass(frozen=True, slots=True)
class Sample:
    """One connection: seconds until both ends were done, and CPU seconds of the relay."""

    seconds: float
    cpu: float


def measure(contender: Contender, to: Sink, megabytes: int) -> Sample:
    """Send once, and see that all arrived."""
    cpu, started = contender.cpu(), time.monotonic()
    contender.send(megabytes)
    arrived = int(to.program.hear())
    seconds = time.monotonic() - started
    if arrived != megabytes << 20:
        raise RuntimeError(f"{contender.name}: {arrived} bytes arrived, of {megabytes << 20}")
    return Sample(seconds, contender.cpu() - cpu)


def compare(title: str, contenders: Sequence[Contender], to: Sink, size: Size) -> dict[str, list[Sample]]:
    """Each in turn; who begins changes from round to round."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    for number in range(size.rounds):
        shift = number % len(contenders)
        for contender in (*contenders[shift:], *contenders[:shift]):
            samples[contender.name].append(measure(contender, to, size.single))
    rows = []
    for name in (contender.name for contender in contenders):
        rates = [(size.single << 20) / 1e6 / run.seconds for run in samples[name]]
        rows.append(
            (
                name,
                f"{statistics.median(rates):.0f}",
                f"{min(rates):.0f}–{max(rates):.0f}",
                f"{ratio(samples, name):.2f}",
                f"{statistics.median(run.cpu for run in samples[name]):.2f}",
            )
        )
    print(f"### {title}\n\n{table(('relay', 'MB/s', 'from–to', 'ours is × as fast', 'CPU s'), rows)}\n", flush=True)
    return samples


def ratio(samples: dict[str, list[Sample]], peer: str) -> float:
    """How many times as fast as a peer ours is: the median over the rounds, each compared within itself."""
    pairs = zip(samples["ours"], samples[peer], strict=True)
    return statistics.median(other.seconds / our.seconds for our, other in pairs)


def at_once(contender: Contender, to: Sink, megabytes: int) -> float:
    """Peak memory in MB with twenty uploads at the same time."""
    contender.forget_peak()
    with ThreadPoolExecutor(STREAMS) as slicers:
        list(slicers.map(contender.send, [megabytes] * STREAMS))
    arrived = [int(to.program.hear()) for _ in range(STREAMS)]
    if arrived != [megabytes << 20] * STREAMS:
        raise RuntimeError(f"of {STREAMS} streams, {arrived} bytes arrived")
    return (contender.peak() or 0) / 1e6


def main() -> int:
    """Run everything; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer bytes, fewer rounds, wider bounds")
    size = QUICK if parser.parse_args().quick else FULL
    require("haproxy", "nginx", "stunnel4", "socat", python_peers=False)
    introduce("proxy: relays", [version_of("/usr/sbin/haproxy", "-v"), version_of("/usr/sbin/nginx", "-v")])
    bounds = Bounds(size.slack)
    with tempfile.TemporaryDirectory(prefix="vprinter-bench-", dir=MEMORY) as memory:
        directory = Path(memory)
        keys = make_keys(directory)
        with (
            sink(directory, keys) as to,
            ours(directory, keys, to) as (terminate, passthrough),
            peers(directory, keys, to) as (secure, clear),
        ):
            direct = Contender("no relay", in_tls(to.tls, to.port)), Contender("no relay", in_clear(to.clear, to.port))
            title = f"{size.single} MiB on one connection"
            both = compare(f"{title}, TLS on both sides", [terminate, *secure, direct[0]], to, size)
            raw = compare(f"{title}, passed through", [passthrough, *clear, direct[1]], to, size)
            peak = at_once(terminate, to, size.stream)
    bounds.at_least("TLS on both sides: times as fast as haproxy", ratio(both, "haproxy"), 1.0)
    bounds.at_least("passed through: times as fast as socat", ratio(raw, "socat"), 1.0)
    bounds.at_most(f"peak memory with {STREAMS} uploads at once, MB", peak, STREAMS_MB)
    return bounds.conclude()


if __name__ == "__main__":
    sys.exit(main())
