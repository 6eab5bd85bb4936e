"""Who keeps the books: what got 226 is listed exactly once, what did not has left nothing."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.simulators import threemf
from tests.simulators.ftps import FtpRefused, FtpsSession
from tests.simulators.gates import Blocked
from tests.simulators.profiles import STUDIO_27, Profile
from tests.simulators.slicer import USER
from tests.system.harness import Printer, System
from tests.system.processes import wait_for

Entry = tuple[str, str]
"""File name and SHA-256."""


@dataclass(slots=True)
class Ledger:
    """Uploads to one printer, by what their slicer was told. Uploads may come from several threads."""

    system: System
    printer: Printer
    ca_pem: str
    kept: Counter[Entry] = field(default_factory=Counter)
    """Got 226."""
    refused: Counter[Entry] = field(default_factory=Counter)
    """Got another final reply."""
    unknown: Counter[Entry] = field(default_factory=Counter)
    """The connection broke before any final reply; the upload may be there, once."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _marks: int = 0

    def upload(self, name: str, content: bytes, profile: Profile = STUDIO_27, source: str | None = None) -> str:
        """One session with one upload; returns what the slicer was told: "226 …", another reply, or ""."""

        def upload() -> str:
            with self.session(profile, source) as session:
                reply = session.store(name, content)
                with suppress(Blocked):  # after 226 the server may be dead
                    session.quit()
                return reply.text

        return self.told(name, content, upload)

    def session(self, profile: Profile = STUDIO_27, source: str | None = None) -> FtpsSession:
        """A control connection to the printer, logged in; the caller closes it."""
        session = FtpsSession(
            self.printer.address,
            self.system.ports.ftps,
            ca_pem=self.ca_pem,
            serial=self.printer.serial,
            data_tls=profile.data_tls,
            source=source,
        )
        try:
            session.login(USER, self.printer.code)
        except BaseException:
            session.close()
            raise
        return session

    def told(self, name: str, content: bytes, upload: Callable[[], str]) -> str:
        """Note how an upload ends."""
        entry = self.entry(name, content)
        try:
            reply = f"226 {upload()}"
        except FtpRefused as refusal:
            book, reply = self.unknown, ""
            if refusal.reply is not None:
                book, reply = self.refused, f"{refusal.reply.code} {refusal.reply.text}"
        except (Blocked, OSError):
            book, reply = self.unknown, ""
        else:
            book = self.kept
        with self._lock:
            book[entry] += 1
        return reply

    @staticmethod
    def entry(name: str, content: bytes) -> Entry:
        """How an upload stands in the books."""
        return name, sha256(content).hexdigest()

    def settle(self, timeout: float = 30.0) -> None:
        """See that service goes on, wait until all is quiet, and compare the books with the house."""
        self._mark(timeout)
        self.system.await_quiet(timeout)
        self._mark(timeout)  # facts are taken in order: with this one listed, all are that no dead control had in hand
        wait_for(lambda: not self.kept - self.listed(), "all that was acknowledged is listed", timeout)
        listed = self.listed()
        surplus = listed - self.kept
        assert not surplus - self.unknown, f"listed without reason, or twice: {surplus - self.unknown}"
        for house in self.system.houses:
            assert not (left := leftovers(house)), left
            self._check_card(house, listed)
        self._check_blobs()

    def listed(self) -> Counter[Entry]:
        """What the archive shows of this printer."""
        items = self.system.api.items("archive")
        return Counter(
            (item["filename"], item["sha256"]) for item in items if item["virtual_printer_id"] == self.printer.id
        )

    def orphans(self) -> set[str]:
        """Kept files that nothing refers to."""
        return self.system.blobs() - {item["sha256"] for item in self.system.api.items("archive")}

    def await_collected(self, timeout: float = 30.0) -> None:
        """Wait until files that nothing refers to are gone."""
        wait_for(lambda: not self.orphans(), "unreferenced files collected", timeout)

    def _mark(self, timeout: float) -> None:
        self._marks += 1
        content = threemf.sliced(seed=-self._marks)
        name = f"mark {self._marks}.gcode.3mf"
        wait_for(lambda: self.upload(name, content).startswith("226"), f"{name} is taken", timeout)
        wait_for(lambda: self.listed()[self.entry(name, content)], f"{name} is listed", timeout)

    def _check_blobs(self) -> None:
        attempted = {digest for book in (self.kept, self.refused, self.unknown) for _, digest in book}
        strangers = self.orphans() - attempted
        assert not strangers, f"kept files that nobody sent: {strangers}"
        for house in self.system.houses:
            for path in (house / "blobs" / "sha256").glob("*/*"):
                assert sha256(path.read_bytes()).hexdigest() == path.name, f"{path} is damaged"

    def _check_card(self, house: Path, listed: Counter[Entry]) -> None:
        kept = self.system.blobs()
        for path in (house / "ftps" / self.printer.id).glob("*.json"):
            shown = json.loads(path.read_text())
            if shown["sha256"] not in kept:  # an entry is shown only while its file is kept
                continue
            assert listed[shown["name"], shown["sha256"]], f"shown on the card, but never taken: {shown}"


def leftovers(data: Path) -> list[Path]:
    """What an unfinished upload can leave behind."""
    parts = (data / "blobs" / "incoming").glob("*")
    receipts = (data / "outbox").rglob("*")
    unfinished = (data / "ftps").rglob("*.tmp")
    return [path for found in (parts, receipts, unfinished) for path in found if path.is_file()]
