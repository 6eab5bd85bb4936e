"""What people wait for at the page: lists, searches and the queue, over HTTP, with a small, a full and a huge archive.

    python -m benchmarks.control_lists [--quick]

The real control service, with SQLite, is asked over one connection that stays open, as a browser's does. Ends with
status 1 if the median of a question takes more than 100 ms with 10,000 archived prints.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from benchmarks.load.catalogue import ADJECTIVES, NOUNS, PRINTERS, TAGS, Filled, fill
from benchmarks.measure.report import Bounds, introduce, table
from tests.system.harness import accepts
from tests.system.ports import free_ports
from tests.system.processes import NATS, Separate, wait_for
from vprinter_common.runtime.logging import configure_logging
from vprinter_common.runtime.settings import LogSettings

TOKEN = "a token for benchmarks only"
PROMISED = 10_000
WITHIN = 0.1
"""Seconds that the median may take with so many archived prints."""
QUEUED = 200
PAGE = 50


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `slack`: factor on every bound."""

    archives: tuple[int, ...]
    requests: int
    slack: float


FULL = Size(archives=(1_000, 10_000, 100_000), requests=100, slack=1.0)
QUICK = Size(archives=(1_000, 10_000), requests=30, slack=1.5)


class Client:
    """One connection to the API."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A request that succeeds; its answer."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        self._connection.request(method, f"/api/v1/{path}", content, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status < 400, f"{method} {path}: {answer.status} {text[:500]!r}"
        return json.loads(text) if text else None


Ask = Callable[[Client, Random], object]


@dataclass(frozen=True, slots=True)
class Question:
    """Something that people wait for."""

    title: str
    ask: Ask


@dataclass(slots=True)
class FarDown:
    """Asks for the page after so many; only the first time it goes there page by page."""

    pages: int
    cursor: str | None = None

    def __call__(self, client: Client, _randomness: Random) -> object:
        for _ in range(self.pages if self.cursor is None else 0):
            self.cursor = self._page(client)["next"]
        return self._page(client)

    def _page(self, client: Client) -> Any:
        return client.ask("GET", f"archive?limit={PAGE}" + (f"&cursor={self.cursor}" if self.cursor else ""))


def questions(filled: Filled) -> Sequence[Question]:
    """What is asked, each time for something else."""

    def get(path: Callable[[Random], str]) -> Ask:
        return lambda client, randomness: client.ask("GET", path(randomness))

    def archive(query: Callable[[Random], str]) -> Ask:
        return get(lambda randomness: f"archive?limit={PAGE}&{query(randomness)}")

    def move(client: Client, randomness: Random) -> object:
        moved, neighbour = randomness.sample(filled.queued, 2)
        return client.ask("PATCH", f"queue/{moved}", {"after": neighbour})

    def hold(client: Client, randomness: Random) -> object:
        return client.ask("PATCH", f"queue/{randomness.choice(filled.queued)}", {"hold": randomness.random() < 0.5})

    def note(client: Client, randomness: Random) -> object:
        notes = f"printed {randomness.randint(1, 1000)} times"
        return client.ask("PATCH", f"archive/{randomness.choice(filled.archived)}", {"notes": notes})

    return (
        Question("list: newest 50", archive(lambda _: "")),
        Question("list: by name", archive(lambda _: "sort=name")),
        Question("list: longest first", archive(lambda _: "sort=-seconds")),
        Question("list: a page far down", FarDown(pages=min(20, len(filled.archived) // PAGE // 2))),
        Question("one print", get(lambda randomness: f"archive/{randomness.choice(filled.archived)}")),
        Question("filter: project", archive(lambda randomness: f"project={randomness.choice(filled.projects)}")),
        Question("filter: printer, heaviest", archive(lambda r: f"printer={r.choice(PRINTERS)}&sort=-grams")),
        Question("filter: tag", archive(lambda randomness: f"tag={quote(randomness.choice(TAGS))}")),
        Question("search: a word of one", archive(lambda r: f"q=rarely{r.randrange(len(filled.archived))}")),
        Question("search: two words", archive(lambda r: f"q={r.choice(ADJECTIVES)}+{r.choice(NOUNS)}")),
        Question("search: beginning, by name", archive(lambda r: f"q={r.choice(NOUNS)[:3]}&sort=name")),
        Question("search: a word of most", archive(lambda _: "q=pla")),
        Question("search: in no print", archive(lambda _: "q=zeppelin")),
        Question("pending: newest 50", get(lambda _: "pending")),
        Question("change: notes of a print", note),
        Question(f"queue: all {QUEUED}", get(lambda _: f"queue?limit={QUEUED}")),
        Question("queue: move", move),
        Question("queue: hold", hold),
    )


@contextmanager
def control(directory: Path) -> Iterator[int]:
    """The control service on a data directory; its port."""
    ports, data = free_ports(), directory / "data"
    environ = {
        "VPRINTER_DATA_DIR": str(data),
        "VPRINTER_ADMIN_TOKEN": TOKEN,
        "VPRINTER_CONTROL__HOST": "127.0.0.1",
        "ADMIN_PORT_control": str(ports.admin["control"]),
        **ports.environ(),
    }
    processes = Separate(environ, directory / "logs", data, ports.nats)
    try:
        processes.start_one(NATS)
        wait_for(lambda: accepts("127.0.0.1", ports.nats), "NATS listens")
        processes.start_one("control")
        wait_for(lambda: accepts("127.0.0.1", ports.control), "control listens", 60)
        yield ports.control
    finally:
        for name in ("control", NATS):
            if processes.pid(name) is not None:
                processes.stop_one(name)


def measure(archived: int, requests: int, directory: Path) -> dict[str, list[float]]:
    """Seconds of each answer, by question."""
    directory.mkdir()
    database = directory / "data/control/control.db"
    began = time.perf_counter()
    filled = asyncio.run(fill(database, archived, QUEUED, Random(archived)))
    size = database.stat().st_size / 1e6
    print(f"{archived:,} prints: filled in {time.perf_counter() - began:.0f} s, {size:.0f} MB", flush=True)
    taken: dict[str, list[float]] = {}
    with control(directory) as port:
        client, randomness = Client(port), Random(1)
        asked = questions(filled)
        for question in asked:
            question.ask(client, randomness)
        for _ in range(requests):
            for question in asked:
                before = time.perf_counter()
                question.ask(client, randomness)
                taken.setdefault(question.title, []).append(time.perf_counter() - before)
    return taken


def main() -> int:
    """Measure, print, and say whether the bounds are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without the huge archive, and fewer requests")
    size = QUICK if parser.parse_args().quick else FULL
    configure_logging(LogSettings(level="warning", format="console"), "benchmark")
    introduce("Control lists", (f"SQLite {sqlite3.sqlite_version}",))
    with tempfile.TemporaryDirectory() as directory:
        found = {count: measure(count, size.requests, Path(directory, str(count))) for count in size.archives}
    titles = list(next(iter(found.values())))
    head = ("median (p95), ms", *(f"{count:,}" for count in size.archives), "growth")
    rows = [
        (
            title,
            *(f"{_median(found[count][title]) * 1e3:.1f} ({_late(found[count][title]) * 1e3:.1f})" for count in found),
            f"× {_median(found[size.archives[-1]][title]) / _median(found[size.archives[0]][title]):.1f}",
        )
        for title in titles
    ]
    print(f"\n{table(head, rows)}")
    bounds = Bounds(size.slack)
    for title in titles:
        bounds.at_most(f"{title}, median in ms with {PROMISED:,}", _median(found[PROMISED][title]) * 1e3, WITHIN * 1e3)
    return bounds.conclude()


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _late(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    sys.exit(main())
