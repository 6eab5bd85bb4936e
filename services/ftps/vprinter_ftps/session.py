"""The state of one control connection."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Protocol

from vprinter_common.contracts.live import SessionPhase
from vprinter_common.contracts.printer import AccessCode
from vprinter_common.contracts.status import SessionStatus
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.wire import ftp, ftp_files
from vprinter_ftps.datachannel import DataChannel
from vprinter_ftps.printer import Printer

MAX_MADE_FOLDERS = 32


class Protection(StrEnum):
    """What the client wants for its data connections."""

    PRIVATE = "P"
    CLEAR = "C"


@dataclass(slots=True)
class Transfer:
    """A running transfer; `abort` makes it end soon, with its own reply."""

    abort: Callable[[], None]
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class Respond(Protocol):
    """Queues a reply; replies leave in order."""

    def __call__(self, reply: bytes, sent: Callable[[], None] = ..., /) -> None:
        """`sent` is called when the reply has been handed to the network."""


def _nobody(_reply: bytes, _sent: Callable[[], None] = lambda: None, /) -> None:
    """The connection is not there yet."""


@dataclass(slots=True, eq=False)
class Session:
    """One client at one printer."""

    printer: Printer
    peer: str
    local: str
    tasks: TaskSet
    connected_at: float
    respond: Respond = _nobody
    user_named: bool = False
    access: AccessCode | None = None
    login: SessionStatus | None = None
    folder: PurePosixPath = ftp_files.ROOT
    made: set[PurePosixPath] = field(default_factory=set)
    """Folders that the client made; they last as long as the session, files in them as long as files last."""
    protection: Protection | None = None
    announced: int | None = None
    data: DataChannel | None = None
    transfer: Transfer | None = None
    last_activity: float = 0.0
    unreadable: int = 0
    """Lines in a row that were no commands."""

    def __post_init__(self) -> None:
        self.last_activity = self.connected_at

    def log_in(self, access: AccessCode) -> None:
        """The client gave a right access code."""
        self.access = access
        self.login = self.printer.serving.logged_in(self.peer, access)
        self._announce(SessionPhase.CONNECTED, self.login)

    def log_out(self) -> None:
        """The client leaves, or begins to log in again."""
        self.user_named = False
        self.access = None
        if self.login is not None:
            login, self.login = self.login, None
            self.printer.serving.logged_out(login)
            self._announce(SessionPhase.DISCONNECTED, login)

    def renamed(self, access: AccessCode) -> None:
        """The owner of the client's code has another name; transfers under way keep the one they began with."""
        self.access = access
        if self.login is not None:
            self.login = self.printer.serving.renamed(self.login, access.owner)

    def deadline(self, now: float) -> float:
        """When the session ends unless something happens: the login's or the idle time limit."""
        limits = self.printer.house.settings.ftps
        if self.access is None:
            return self.connected_at + limits.login_timeout
        return (now if self.transfer is not None else self.last_activity) + limits.idle_timeout

    def take_data(self) -> DataChannel | None:
        """What PASV or EPSV made, for one transfer."""
        data, self.data = self.data, None
        return data

    def expect_data(self, data: DataChannel) -> None:
        """PASV or EPSV made a new data channel, which replaces one that was not used."""
        self.drop_data()
        self.data = data

    def drop_data(self) -> None:
        """Give up a data channel that no transfer took."""
        if (data := self.take_data()) is not None:
            data.close()

    def is_folder(self, path: PurePosixPath) -> bool:
        """Whether a folder exists for this client."""
        return ftp_files.is_folder(path) or path in self.made

    def make_folder(self, path: PurePosixPath) -> bool:
        """Make a folder; False if the client made too many."""
        if len(self.made) >= MAX_MADE_FOLDERS:
            return False
        self.made.add(path)
        return True

    def start(
        self,
        work: Callable[[], Coroutine[Any, Any, bytes]],
        abort: Callable[[], None],
        sent: Callable[[], None] = lambda: None,
    ) -> None:
        """Run a transfer beside the control connection; it returns its reply, after which `sent` is called."""
        self.transfer = Transfer(abort)
        self.tasks.spawn(self._carry(self.transfer, work, sent), "transfer")

    async def _carry(
        self, transfer: Transfer, work: Callable[[], Coroutine[Any, Any, bytes]], sent: Callable[[], None]
    ) -> None:
        reply = ftp.reply(451, "internal error; see the server's log")
        try:
            reply = await work()
        finally:
            # Before the reply: with it in hand, the client may begin the next transfer.
            self.transfer = None
            self.last_activity = asyncio.get_running_loop().time()
            self.respond(reply, sent)
            transfer.finished.set()

    def _announce(self, phase: SessionPhase, login: SessionStatus) -> None:
        self.printer.house.announcer.session(self.printer.id, login, phase)
