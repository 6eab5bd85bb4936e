"""Verbs about the session itself: login, protection, features, end."""

import structlog

from vprinter_common.access import USER
from vprinter_common.logins import Refused
from vprinter_common.wire import ftp
from vprinter_ftps.session import Protection, Session

log = structlog.get_logger()

FEATURES = ("AVBL", "EPSV", "MDTM", "MLST type*;size*;modify*;perm*;", "PASV", "PBSZ", "PROT", "SIZE", "UTF8")


async def user(session: Session, argument: str) -> bytes:
    """USER: there is one name, in any case."""
    session.log_out()
    if argument.strip().lower() != USER:
        return ftp.reply(530, f'the user name is "{USER}"')
    session.user_named = True
    return ftp.reply(331, "the access code, please")


async def pass_(session: Session, argument: str) -> bytes:
    """PASS: the access code says who it is."""
    if session.access is not None:
        return ftp.reply(503, "logged in already")
    if not session.user_named:
        return ftp.reply(503, "USER comes first")
    serving = session.printer.serving
    answer = session.printer.house.logins.check(
        serving.spec.id, session.peer, serving.spec.access_codes, argument.encode(errors="replace")
    )
    if isinstance(answer, Refused):
        return ftp.reply(530, answer.reason)
    session.log_in(answer)
    log.info("logged_in", printer=serving.spec.id, peer=session.peer, owner=answer.owner)
    return ftp.reply(230, "logged in")


async def quit_(session: Session, _argument: str) -> bytes:
    """QUIT: a running transfer is finished first (RFC 959)."""
    if session.transfer is not None:
        await session.transfer.finished.wait()
    return ftp.reply(221, "goodbye")


async def abor(session: Session, _argument: str) -> bytes:
    """ABOR: the transfer gives its own reply before this one."""
    session.drop_data()
    if (transfer := session.transfer) is None:
        return ftp.reply(226, "nothing to abort")
    transfer.abort()
    await transfer.finished.wait()
    return ftp.reply(226, "aborted")


async def syst(_session: Session, _argument: str) -> bytes:
    """SYST: what real printers say."""
    return ftp.reply(215, "UNIX Type: L8")


async def feat(_session: Session, _argument: str) -> bytes:
    """FEAT (RFC 2389)."""
    return ftp.reply(211, "Features:", *FEATURES, "End")


async def noop(_session: Session, _argument: str) -> bytes:
    """NOOP."""
    return ftp.reply(200, "ok")


async def opts(_session: Session, argument: str) -> bytes:
    """OPTS: UTF-8 is always on, MLSD always gives all facts."""
    known = argument.upper().startswith(("UTF8", "UTF-8", "MLST"))
    return ftp.reply(200, "ok") if known else ftp.reply(501, "no such option")


async def type_(_session: Session, argument: str) -> bytes:
    """TYPE: files are never converted, whichever type is asked for."""
    known = argument.strip().upper() in {"A", "A N", "I", "L 8"}
    return ftp.reply(200, "type set") if known else ftp.reply(504, "types are A and I")


async def pbsz(_session: Session, _argument: str) -> bytes:
    """PBSZ (RFC 4217): TLS has no use for it."""
    return ftp.reply(200, "PBSZ=0")


async def prot(session: Session, argument: str) -> bytes:
    """PROT (RFC 4217). What a data connection is, its first byte decides; this is for peers that wait for us."""
    try:
        session.protection = Protection(argument.strip().upper())
    except ValueError:
        return ftp.reply(504, "protection is P or C")
    return ftp.reply(200, f"protection {session.protection}")
