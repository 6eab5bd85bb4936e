"""PASV and EPSV: where the next data connection goes."""

from ipaddress import IPv4Address

import structlog

from vprinter_common.passive import NoFreePort, bind_passive
from vprinter_common.wire import ftp
from vprinter_ftps.datachannel import DataChannel
from vprinter_ftps.session import Session

log = structlog.get_logger()


async def epsv(session: Session, argument: str) -> bytes:
    """EPSV (RFC 2428): the port only, so it works through any NAT."""
    match argument.strip().upper():
        case "ALL":
            return ftp.reply(200, "EPSV only, understood")
        case "" | "1":
            opened = _open(session)
            return opened if isinstance(opened, bytes) else ftp.epsv_reply(opened)
        case _:
            return ftp.reply(522, "IPv4 only, use (1)")


async def pasv(session: Session, _argument: str) -> bytes:
    """PASV: the address is the one that the printer advertises, unless a setting says otherwise."""
    opened = _open(session)
    if isinstance(opened, bytes):
        return opened
    return ftp.pasv_reply(_address(session), opened)


def _address(session: Session) -> IPv4Address:
    serving = session.printer.serving
    forced = serving.spec.pasv_address or session.printer.house.settings.forced_pasv_address
    return forced or IPv4Address(serving.placement.address_for(session.local))


def _open(session: Session) -> int | bytes:
    """The port that now waits for the data connection, or a refusal."""
    if session.transfer is not None:
        return ftp.reply(503, "a transfer is running")
    printer, spec = session.printer, session.printer.serving.spec
    session.drop_data()
    try:
        listening = bind_passive(printer.serving.placement.bind, spec.passive_ports, printer.house.rng)
    except NoFreePort as error:
        log.warning("no_passive_port", printer=spec.id, peer=session.peer, error=str(error))
        return ftp.reply(425, f"{error}; try again, or widen the printer's passive_ports")

    def foreign(address: str) -> None:
        log.warning("foreign_data_peer", printer=spec.id, peer=session.peer, foreign=address)
        printer.house.metrics.foreign_peers.labels(spec.id).inc()

    session.data = DataChannel(
        listening,
        session.peer,
        printer.context,
        workers=printer.house.workers,
        tasks=session.tasks,
        on_handshake=printer.house.handshakes.watch(spec.id, "ftps-data"),
        foreign=foreign,
    )
    return session.data.port
