"""Verbs about folders and files on the memory card."""

from pathlib import PurePosixPath

from vprinter_common.wire import ftp, ftp_files
from vprinter_ftps.card import CardFile
from vprinter_ftps.session import Session


def resolve(session: Session, argument: str) -> PurePosixPath:
    """The place on the card that an argument means."""
    return ftp_files.place(ftp_files.resolve(session.folder, argument))


async def find(session: Session, argument: str) -> CardFile | None:
    """The file that an argument means."""
    printer, path = session.printer, resolve(session, argument)
    return await printer.house.workers.call(lambda: printer.card.find(path))


def quoted(path: PurePosixPath) -> str:
    """A path as 257 carries it: quotes are doubled."""
    doubled = str(path).replace('"', '""')
    return f'"{doubled}"'


def no_such_file(argument: str) -> bytes:
    """550."""
    return ftp.reply(550, f"no file {argument[:255]}")


async def pwd(session: Session, _argument: str) -> bytes:
    """PWD, XPWD."""
    return ftp.reply(257, quoted(session.folder))


async def cwd(session: Session, argument: str) -> bytes:
    """CWD."""
    path = ftp_files.resolve(session.folder, argument)
    if not session.is_folder(ftp_files.place(path)):
        return ftp.reply(550, f"no folder {path}")
    session.folder = path
    return ftp.reply(250, f"now in {path}")


async def cdup(session: Session, _argument: str) -> bytes:
    """CDUP."""
    session.folder = session.folder.parent
    return ftp.reply(250, f"now in {session.folder}")


async def mkd(session: Session, argument: str) -> bytes:
    """MKD: folders need not be made, so any name is granted to this session."""
    name = ftp_files.safe_name(argument)
    path = ftp_files.resolve(session.folder, argument)
    if name is None or path.name != name:
        return ftp.reply(553, "this is no name for a folder")
    if not session.is_folder(ftp_files.place(path.parent)):
        return ftp.reply(550, f"no folder {path.parent}")
    if not session.make_folder(ftp_files.place(path)):
        return ftp.reply(550, "too many folders in one session")
    return ftp.reply(257, f"{quoted(path)} made")


async def size(session: Session, argument: str) -> bytes:
    """SIZE (RFC 3659)."""
    file = await find(session, argument)
    return ftp.reply(213, str(file.size)) if file else no_such_file(argument)


async def mdtm(session: Session, argument: str) -> bytes:
    """MDTM (RFC 3659)."""
    file = await find(session, argument)
    return ftp.reply(213, ftp_files.mdtm(file.modified)) if file else no_such_file(argument)


async def dele(session: Session, argument: str) -> bytes:
    """DELE: gone from the card; the archive keeps its file."""
    printer, path = session.printer, resolve(session, argument)
    gone = await printer.house.workers.call(lambda: printer.card.remove(path))
    return ftp.reply(250, "deleted") if gone else no_such_file(argument)


async def allo(session: Session, argument: str) -> bytes:
    """ALLO: the size of the file to come."""
    number, _, _ = argument.partition(" ")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return ftp.reply(501, "ALLO takes a number of bytes")
    session.announced = int(number)
    return ftp.reply(200, "noted")


async def avbl(session: Session, _argument: str) -> bytes:
    """AVBL: bytes that an upload may take."""
    house = session.printer.house
    free = await house.workers.call(house.custody.free_bytes)
    room = min(free - house.settings.ftps.min_free_bytes, house.settings.ftps.max_upload_bytes)
    return ftp.reply(213, str(max(0, room)))
