"""LIST, NLST, MLSD and RETR: what goes to the client over a data connection."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import structlog

from vprinter_common.contracts.facts import FailureReason
from vprinter_common.metrics.declared import Direction
from vprinter_common.object_store import ObjectStoreUnavailable
from vprinter_common.wire import ftp, ftp_files
from vprinter_ftps.card import CardFile
from vprinter_ftps.datachannel import NEED_DATA, Channel, DataChannel
from vprinter_ftps.refusal import Refusal, reply_to
from vprinter_ftps.session import Protection, Session
from vprinter_ftps.verbs_files import find, no_such_file, resolve

log = structlog.get_logger()

CHUNK = 64 * 1024


async def list_(session: Session, argument: str) -> bytes | None:
    """LIST, in the form of `ls -l`."""
    now = session.printer.house.now()
    return await _send_listing(session, argument, lambda entry: ftp_files.list_line(entry, now))


async def nlst(session: Session, argument: str) -> bytes | None:
    """NLST: names only, as real printers of the P1 family answer it."""
    return await _send_listing(session, argument, lambda entry: entry.name)


async def mlsd(session: Session, argument: str) -> bytes | None:
    """MLSD (RFC 3659)."""
    return await _send_listing(session, argument, ftp_files.mlsd_line)


async def retr(session: Session, argument: str) -> bytes | None:
    """RETR: a slicer may read back what it sent."""
    file = await find(session, argument)
    if file is None:
        session.drop_data()
        return no_such_file(argument)
    try:
        path = await session.printer.house.blobs.bring(file.sha256)
    except FileNotFoundError:
        session.drop_data()
        return no_such_file(argument)
    except ObjectStoreUnavailable as error:
        session.drop_data()
        return ftp.reply(450, f"{error}; try again")
    return _send(session, lambda: _pieces(path))


async def _send_listing(session: Session, argument: str, line: Callable[[ftp_files.Entry], str]) -> bytes | None:
    printer, path = session.printer, resolve(session, _without_options(argument))
    if session.is_folder(path):
        files = await printer.house.workers.call(lambda: printer.card.files_in(path))
        entries = [*_folders(session, path), *map(_entry, files)]
    elif (file := await printer.house.workers.call(lambda: printer.card.find(path))) is not None:
        entries = [_entry(file)]
    else:
        session.drop_data()
        return ftp.reply(550, f"no folder or file {path}")
    content = ftp_files.listing(map(line, entries))
    return _send(session, lambda: [content])


def _without_options(argument: str) -> str:
    """Many clients say `LIST -la folder`, as to `ls`."""
    words = argument.split(" ")
    while words and words[0].startswith("-"):
        words.pop(0)
    return " ".join(words)


def _folders(session: Session, path: PurePosixPath) -> list[ftp_files.Entry]:
    fixed = [ftp_files.ROOT / name for name in ftp_files.FOLDERS]
    here = sorted(folder.name for folder in {*fixed, *session.made} if folder.parent == path)
    now = session.printer.house.now()
    return [ftp_files.Entry(name, 0, now, ftp_files.Kind.FOLDER) for name in here]


def _entry(file: CardFile) -> ftp_files.Entry:
    return ftp_files.Entry(file.name, file.size, file.modified)


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(CHUNK):
                yield piece
    except OSError as error:
        raise Refusal(FailureReason.STORAGE, error.strerror or type(error).__name__) from error


def _send(session: Session, content: Callable[[], Iterable[bytes]]) -> bytes | None:
    data = session.take_data()
    if data is None:
        return NEED_DATA
    download = _Download(session, data, content)
    session.respond(ftp.reply(150, "here it comes"))
    session.start(download.run, download.abort)
    return None


class _Download:
    """One transfer to the client."""

    def __init__(self, session: Session, data: DataChannel, content: Callable[[], Iterable[bytes]]) -> None:
        self._session = session
        self._house = session.printer.house
        self._data = data
        self._content = content
        self._channel: Channel | None = None
        self._aborted = False

    def abort(self) -> None:
        """End soon."""
        self._aborted = True
        self._data.close()
        if self._channel is not None:
            self._channel.interrupt()

    async def run(self) -> bytes:
        """Send and give the last reply."""
        try:
            await self._deliver()
        except Refusal as refusal:
            told = Refusal(FailureReason.ABORTED) if self._aborted else refusal
            self._count("refused", told.reason)
            log.warning("download_broken", printer=self._session.printer.id, peer=self._session.peer, error=str(told))
            return reply_to(told)
        finally:
            self._data.close()
            if self._channel is not None:
                self._channel.close()
        self._count("sent", "")
        return ftp.reply(226, "done")

    async def _deliver(self) -> None:
        limits = self._house.settings.ftps
        protection = self._session.protection
        # Without any PROT, RFC 4217 says clear; one who asked for clear is not kept waiting for a TLS hello.
        channel = await self._data.for_download(
            limits.connect_timeout,
            0.0 if protection is Protection.CLEAR else limits.silence,
            secure=protection is Protection.PRIVATE,
        )
        self._channel = channel
        self._house.metrics.data_channels.labels(channel.security.value).inc()
        await self._house.workers.run(
            lambda: _push(channel, self._content(), limits.stall_timeout), interrupt=self.abort
        )

    def _count(self, outcome: str, reason: str) -> None:
        labels = (self._session.printer.id, Direction.DOWNLOAD.value, outcome, reason)
        self._house.metrics.transfers.labels(*labels).inc()


def _push(channel: Channel, content: Iterable[bytes], stall_timeout: float) -> None:
    channel.connection.settimeout(stall_timeout)
    for piece in content:
        try:
            channel.connection.sendall(piece)
        except TimeoutError as error:
            raise Refusal(FailureReason.STALLED, f"took no byte in {stall_timeout:g} s") from error
        except OSError as error:
            raise Refusal(FailureReason.DISCONNECTED, error.strerror or type(error).__name__) from error
    channel.finish()
