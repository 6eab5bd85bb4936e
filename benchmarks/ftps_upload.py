"""Uploads by curl: our ftps service next to pyftpdlib and vsftpd, in turn, in one run.

    python -m benchmarks.ftps_upload [--quick] [--disk DIRECTORY]

Ours hashes, checks the ZIP, syncs to disk and writes a receipt before it answers; the peers do none of that.
Ends with status 1 if a bound is missed or a file did not arrive whole.
"""

import argparse
import os
import statistics
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders.ftp import Contender, ours, pyftpdlib, sha256, vsftpd
from benchmarks.load.curl import Data, upload
from benchmarks.measure.house import Keys, make_keys
from benchmarks.measure.program import ROOT, require
from benchmarks.measure.report import Bounds, introduce, table, version_of

MIB = 1 << 20
MEMORY = Path("/dev/shm")
MEMORY_MB = 100.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is uploaded. Sizes in MiB; `slack`: factor on every bound."""

    single: int
    batch: int
    batch_files: int
    rounds: int
    clear_rounds: int
    batch_rounds: int
    disk_rounds: int
    slack: float

    @property
    def one(self) -> str:
        """The single upload, for titles."""
        return f"{self.single} MiB"

    @property
    def many(self) -> str:
        """The uploads at once, for titles."""
        return f"{self.batch_files} × {self.batch} MiB at once"


FULL = Size(single=512, batch=10, batch_files=50, rounds=5, clear_rounds=3, batch_rounds=5, disk_rounds=2, slack=1.0)
QUICK = Size(single=96, batch=2, batch_files=20, rounds=2, clear_rounds=1, batch_rounds=2, disk_rounds=1, slack=1.5)


@dataclass(frozen=True, slots=True)
class Sample:
    """One upload, or one batch. Time in seconds until the client was answered."""

    seconds: float
    cpu: float
    peak: int | None


Samples = dict[str, list[Sample]]
Files = dict[Path, str]
"""Files to upload, with their SHA-256."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is uploaded."""

    size: Size
    single: Files
    batch: Files


def make_files(directory: Path, megabytes: int, count: int) -> Files:
    """ZIPs of this size and of bytes that nobody has seen before, with their SHA-256."""
    directory.mkdir(parents=True)
    made = {}
    for number in range(count):
        path = directory / f"plate_{number}.gcode.3mf"
        with zipfile.ZipFile(path, "w") as archive, archive.open("Metadata/plate_1.gcode", "w") as member:
            for _ in range(megabytes):
                member.write(os.urandom(MIB))
        made[path] = sha256(path)
    return made


def measure(contender: Contender, files: Files, data: Data) -> Sample:
    """Upload once, see that all arrived whole, and remove it."""
    sent = sorted(files.values())
    contender.forget_peak()
    cpu = contender.cpu()
    seconds = upload(list(files), contender.url, data)
    peak, stored = contender.peak(), contender.stored()
    if stored != sent:
        raise RuntimeError(f"{contender.name} stored {len(stored)} files, of {len(sent)} sent; not the same bytes")
    sample = Sample(seconds, contender.cpu() - cpu, peak)
    contender.clear()
    return sample


def compare(title: str, contenders: Sequence[Contender], files: Files, data: Data, rounds: int) -> Samples:
    """Each in turn; who begins changes from round to round."""
    samples: Samples = defaultdict(list)
    for number in range(rounds):
        shift = number % len(contenders)
        for contender in (*contenders[shift:], *contenders[:shift]):
            os.sync()
            samples[contender.name].append(measure(contender, files, data))
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    print(f"### {title}\n\n{_table(samples, megabytes)}\n", flush=True)
    return samples


def _table(samples: Samples, megabytes: float) -> str:
    rows = []
    for name, runs in samples.items():
        rates = [megabytes / run.seconds for run in runs]
        peaks = [run.peak for run in runs if run.peak is not None]
        rows.append(
            (
                name,
                f"{statistics.median(rates):.0f}",
                f"{min(rates):.0f}–{max(rates):.0f}",
                f"{ratio(samples, name):.2f}",
                f"{statistics.median(run.cpu for run in runs):.2f}",
                f"{max(peaks) / 1e6:.0f}" if peaks else "",
                f"{len(runs)}/{len(runs)}",
            )
        )
    return table(("server", "MB/s", "from–to", "ours is × as fast", "CPU s", "peak RSS MB", "intact"), rows)


def ratio(samples: Samples, peer: str) -> float:
    """How many times as fast as a peer ours is: the median over the rounds, each compared within itself."""
    pairs = zip(samples["ours"], samples[peer], strict=True)
    return statistics.median(other.seconds / our.seconds for our, other in pairs)


@contextmanager
def contenders(directory: Path, keys: Keys) -> Iterator[list[Contender]]:
    """All three, with their files in the directory."""
    with ExitStack() as stack:
        yield [stack.enter_context(each(directory, keys)) for each in (ours, pyftpdlib, vsftpd)]


def in_memory(directory: Path, keys: Keys, material: Material, bounds: Bounds) -> None:
    """Everything on tmpfs, where syncing is nearly free: what the servers themselves cost."""
    size = material.size
    with contenders(directory, keys) as servers:
        secure = compare(f"{size.one}, TLS data, tmpfs", servers, material.single, Data.TLS, size.rounds)
        clear = compare(f"{size.one}, cleartext data, tmpfs", servers, material.single, Data.CLEAR, size.clear_rounds)
        at_once = compare(f"{size.many}, TLS data, tmpfs", servers, material.batch, Data.TLS, size.batch_rounds)
    bounds.at_least(f"{size.one} over TLS: times as fast as pyftpdlib", ratio(secure, "pyftpdlib"), 1.0)
    if "vsftpd" in secure:
        bounds.at_least(f"{size.one} over TLS: times as fast as vsftpd", ratio(secure, "vsftpd"), 2.0)
    bounds.at_least(f"{size.many}: times as fast as pyftpdlib", ratio(at_once, "pyftpdlib"), 1.2)
    for title, samples in ((size.one, (*secure["ours"], *clear["ours"])), (size.many, at_once["ours"])):
        bounds.at_most(f"{title}: peak memory of ours, MB", max(each.peak or 0 for each in samples) / 1e6, MEMORY_MB)


def on_disk(directory: Path, keys: Keys, material: Material) -> None:
    """The same on a disk, where ours alone waits until the bytes are there; no bound."""
    size = material.size
    with contenders(directory, keys) as servers:
        compare(f"{size.one}, TLS data, disk", servers, material.single, Data.TLS, size.disk_rounds)
        compare(f"{size.many}, TLS data, disk", servers, material.batch, Data.TLS, size.disk_rounds)


def main() -> int:
    """Run everything; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller files, fewer rounds, wider bounds")
    parser.add_argument("--disk", type=Path, default=ROOT / "build", help="a directory on a real disk")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    require("curl", "vsftpd")
    introduce("ftps: uploads by curl", [version_of("curl", "--version").partition(" (")[0]])
    arguments.disk.mkdir(parents=True, exist_ok=True)
    bounds = Bounds(size.slack)
    with (
        tempfile.TemporaryDirectory(prefix="vprinter-bench-", dir=MEMORY) as memory,
        tempfile.TemporaryDirectory(prefix="vprinter-bench-", dir=arguments.disk) as disk,
    ):
        keys = make_keys(Path(memory))
        source = Path(memory) / "source"
        single = make_files(source / "single", size.single, 1)
        material = Material(size, single, make_files(source / "batch", size.batch, size.batch_files))
        (room := Path(memory) / "servers").mkdir()
        in_memory(room, keys, material, bounds)
        on_disk(Path(disk), keys, material)
    return bounds.conclude()


if __name__ == "__main__":
    sys.exit(main())
