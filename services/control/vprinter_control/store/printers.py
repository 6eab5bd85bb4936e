"""Virtual printers in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from pydantic import SecretStr, TypeAdapter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.printer import (
    DEFAULT_PASSIVE_PORTS,
    AccessCode,
    Bind,
    Certificate,
    Mode,
    PortRange,
    Target,
    VirtualPrinter,
)
from vprinter_control.domain.refusal import NotThere
from vprinter_control.domain.relaying import AS_THE_MODE, Passing, relay_of
from vprinter_control.store import targets
from vprinter_control.store.schema import Code, Printer, RealPrinter

EVERYWHERE = Bind(any=True)
_PASSING = TypeAdapter(Passing)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a user decides about a printer."""

    name: str
    model: str = ""
    """A catalog code; of a new printer with a target it may be left out and is the target's then."""
    mode: Mode = Mode.IMMEDIATE
    enabled: bool = True
    bind: Bind = EVERYWHERE
    advertise: IPv4Address | None = None
    passive_ports: PortRange = DEFAULT_PASSIVE_PORTS
    pasv_address: IPv4Address | None = None
    announce_to: tuple[IPv4Address, ...] = ()
    target: str | None = None
    """Id of a real printer."""
    relay: Passing = AS_THE_MODE


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
        target=printer.target_id,
        relay=_PASSING.validate_python(printer.relay),
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
        "target_id": draft.target,
        "relay": _PASSING.dump_python(draft.relay, mode="json", exclude_none=True),
    }


def identity(printer: Printer, target: RealPrinter | None) -> tuple[str, str]:
    """Serial number and model that slicers see: a proxy's are those of its target."""
    if Mode(printer.mode) is Mode.PROXY and target is not None:
        return target.serial, target.model
    return printer.serial, printer.model


def specification(printer: Printer, codes: Sequence[Code], target: RealPrinter | None) -> VirtualPrinter | None:
    """The desired state as edges see it; None until the printer has been enabled once."""
    if printer.certificate_chain is None or printer.certificate_key is None:
        return None
    draft = draft_of(printer)
    serial, model = identity(printer, target)
    # The code that slicers give to a proxy is for the real printer to judge.
    let_in = () if draft.mode is Mode.PROXY else codes
    return VirtualPrinter(
        id=printer.id,
        revision=printer.revision,
        name=draft.name,
        enabled=draft.enabled,
        mode=draft.mode,
        model=model,
        serial=serial,
        access_codes=tuple(AccessCode(id=code.id, owner=code.owner, code=SecretStr(code.code)) for code in let_in),
        bind=draft.bind,
        advertise=draft.advertise,
        passive_ports=draft.passive_ports,
        pasv_address=draft.pasv_address,
        target=_target(target) if target is not None else None,
        relay=relay_of(draft.mode, draft.relay),
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
    """Access codes by printer, the primary one first."""
    found: dict[str, list[Code]] = {}
    for code in await session.scalars(select(Code).order_by(Code.seq)):
        found.setdefault(code.printer_id, []).append(code)
    return found


async def specifications(session: AsyncSession) -> dict[str, VirtualPrinter]:
    """The whole desired state, by printer id."""
    by_printer, known = await codes(session), await targets.by_id(session)
    specs = (
        specification(printer, by_printer.get(printer.id, ()), known.get(printer.target_id or ""))
        for printer in await every(session)
    )
    return {spec.id: spec for spec in specs if spec is not None}


def _target(target: RealPrinter) -> Target:
    return Target(
        id=target.id,
        host=target.host,
        serial=target.serial,
        model=target.model,
        access_code=SecretStr(target.access_code),
        fingerprint=target.fingerprint,
    )


def _address(text: str | None) -> IPv4Address | None:
    return IPv4Address(text) if text else None
