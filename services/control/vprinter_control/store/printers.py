"""Virtual printers in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.printer import (
    DEFAULT_PASSIVE_PORTS,
    AccessCode,
    Bind,
    Certificate,
    Mode,
    PortRange,
    VirtualPrinter,
)
from vprinter_control.domain.refusal import NotThere
from vprinter_control.store.schema import Code, Printer

EVERYWHERE = Bind(any=True)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a user decides about a printer."""

    name: str
    model: str
    """A catalog code."""
    mode: Mode = Mode.IMMEDIATE
    enabled: bool = True
    bind: Bind = EVERYWHERE
    advertise: IPv4Address | None = None
    passive_ports: PortRange = DEFAULT_PASSIVE_PORTS
    pasv_address: IPv4Address | None = None
    announce_to: tuple[IPv4Address, ...] = ()


def draft_of(printer: Printer) -> Draft:
    """What the user decided so far."""
    return Draft(
        name=printer.name,
        model=printer.model,
        mode=Mode(printer.mode),
        enabled=printer.enabled,
        bind=Bind.model_validate(printer.bind),
        advertise=_address(printer.advertise),
        passive_ports=PortRange(low=printer.passive_low, high=printer.passive_high),
        pasv_address=_address(printer.pasv_address),
        announce_to=tuple(IPv4Address(host) for host in printer.announce_to),
    )


def columns_of(draft: Draft) -> dict[str, Any]:
    """A draft as columns."""
    return {
        "name": draft.name,
        "model": draft.model,
        "mode": draft.mode.value,
        "enabled": draft.enabled,
        "bind": draft.bind.model_dump(mode="json", exclude_defaults=True),
        "advertise": str(draft.advertise) if draft.advertise else None,
        "passive_low": draft.passive_ports.low,
        "passive_high": draft.passive_ports.high,
        "pasv_address": str(draft.pasv_address) if draft.pasv_address else None,
        "announce_to": [str(host) for host in draft.announce_to],
    }


def specification(printer: Printer, codes: Sequence[Code]) -> VirtualPrinter | None:
    """The desired state as edges see it; None until the printer has been enabled once."""
    if printer.certificate_chain is None or printer.certificate_key is None:
        return None
    draft = draft_of(printer)
    return VirtualPrinter(
        id=printer.id,
        revision=printer.revision,
        name=draft.name,
        enabled=draft.enabled,
        mode=draft.mode,
        model=draft.model,
        serial=printer.serial,
        access_codes=tuple(AccessCode(id=code.id, owner=code.owner, code=SecretStr(code.code)) for code in codes),
        bind=draft.bind,
        advertise=draft.advertise,
        passive_ports=draft.passive_ports,
        pasv_address=draft.pasv_address,
        certificate=Certificate(chain_pem=printer.certificate_chain, key_pem=printer.certificate_key),
        announce_to=draft.announce_to,
    )


async def get(session: AsyncSession, id_: str) -> Printer:
    """A printer, or NotThere."""
    found = await session.scalar(select(Printer).where(Printer.id == id_))
    if found is None:
        raise NotThere("virtual printer", id_)
    return found


async def every(session: AsyncSession) -> list[Printer]:
    """All printers, the oldest first."""
    return list(await session.scalars(select(Printer).order_by(Printer.seq)))


async def codes(session: AsyncSession) -> dict[str, list[Code]]:
    """Access codes by printer."""
    found: dict[str, list[Code]] = {}
    for code in await session.scalars(select(Code).order_by(Code.id)):
        found.setdefault(code.printer_id, []).append(code)
    return found


async def specifications(session: AsyncSession) -> dict[str, VirtualPrinter]:
    """The whole desired state, by printer id."""
    by_printer = await codes(session)
    specs = (specification(printer, by_printer.get(printer.id, ())) for printer in await every(session))
    return {spec.id: spec for spec in specs if spec is not None}


def _address(text: str | None) -> IPv4Address | None:
    return IPv4Address(text) if text else None
