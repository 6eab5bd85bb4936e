"""`printers`: real printers, which virtual ones relay to or mirror."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import AwareDatetime, BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.catalog import Model, UnknownModel
from vprinter_common.catalog import model as model_of
from vprinter_common.contracts.printer import Fingerprint
from vprinter_common.contracts.requests import HeardPrinter, PortSeen, TargetProbe
from vprinter_common.contracts.target import TargetStatus, TargetTrouble
from vprinter_control.api.conditional import Item
from vprinter_control.api.fields import Code, Host, ModelCode, Name, Serial
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.domain.targets import ADVICE, TargetCondition, condition_of
from vprinter_control.store import targets as store
from vprinter_control.store.schema import Printer, RealPrinter
from vprinter_control.targets import NewTarget


class RealPrinterBody(Body):
    """A real printer. Host and access code are enough if it is switched on: a look at it finds the rest."""

    host: Host
    """IPv4 address or DNS name."""
    access_code: Code
    """As the printer shows it."""
    name: Name | None = None
    """Left out: what the printer is called."""
    serial: Serial | None = None
    """Needed if the printer cannot be reached now."""
    model: ModelCode | None = None
    """Needed if the printer cannot be reached now."""


class RealPrinterPatch(Body):
    """Changes; what is left out stays."""

    name: Name = ""
    host: Host = ""
    serial: Serial = ""
    model: ModelCode = ""
    access_code: Code | None = None


class CertificateBody(Body):
    """The certificate that somebody saw and trusts."""

    fingerprint: Fingerprint
    """SHA-256, as the printer's status shows it."""


class RealPrinterStatusObject(BaseModel):
    """How a real printer fares, as the proxy that watches it says. Null = it did not say."""

    state: TargetCondition
    trouble: TargetTrouble | None = None
    error: str | None
    """What is wrong, and what to do unless `hint` says it."""
    hint: str | None = None
    at: AwareDatetime | None = None
    node: str | None = None
    address: str | None = None
    fingerprint: str | None = None
    """SHA-256 of the certificate that it shows now."""
    firmware: str = ""
    printing: str = ""
    """As the printer says it: IDLE, RUNNING, PAUSE, FINISH …"""
    job: str = ""
    percent: int | None = None
    remaining_minutes: int | None = None
    layer: int | None = None
    layers: int | None = None
    nozzle_celsius: float | None = None
    bed_celsius: float | None = None
    chamber_celsius: float | None = None


class UserObject(BaseModel):
    """A virtual printer that relays to a real one, or mirrors it."""

    id: str
    name: str
    mode: str


class RealPrinterObject(Item):
    """A real printer. Its access code is shown by `/access-code` only."""

    derived: ClassVar = frozenset({"status", "used_by"})

    id: str
    name: str
    host: str
    serial: str
    model: str
    fingerprint: str | None
    """SHA-256 of the certificate that is trusted; null until one was seen."""
    revision: int
    created_at: AwareDatetime
    changed_at: AwareDatetime
    status: RealPrinterStatusObject
    used_by: list[UserObject]


class AccessCodeOfPrinter(BaseModel):
    """What slicers are to be given for this printer, and for proxies in front of it."""

    access_code: str


class DiscoveredObject(BaseModel):
    """A printer that is heard and not known yet. To add it, POST its address and its access code."""

    serial: str
    host: str
    name: str
    model: str | None
    """Code of our catalog; null if it does not know it."""
    model_name: str
    firmware: str
    lan_mode: bool
    """Whether it announces that it can be used without the cloud."""
    last_heard_seconds: float
    todo: str


class ProbeObject(BaseModel):
    """What a look at a real printer showed. Null = it was not seen."""

    address: str | None
    ports: tuple[PortSeen, ...]
    serial: str | None
    model: str | None
    name: str
    firmware: str
    lan_mode: bool | None
    developer_mode: bool | None
    """Whether it takes commands that no cloud has signed."""
    fingerprint: str | None
    trusted: bool
    """Whether this is the certificate that is trusted."""
    certificate_subject: str
    certificate_issuer: str
    code_accepted: bool | None
    trouble: TargetTrouble | None
    error: str | None
    hint: str | None


async def _list(call: Call) -> Page[RealPrinterObject]:
    paging: Paging = call.query
    async with call.control.database.read() as session:

        async def show(printers: Sequence[RealPrinter]) -> list[RealPrinterObject]:
            return await _shown(call, session, printers)

        return await page(session, select(RealPrinter), RealPrinter.seq, paging, show, newest_first=False)


async def _create(call: Call) -> RealPrinterObject:
    body: RealPrinterBody = call.body
    given = body.model_dump(exclude={"access_code"})
    return await _show(
        call, await call.control.targets.add(NewTarget(access_code=body.access_code.get_secret_value(), **given))
    )


async def _get(call: Call) -> RealPrinterObject:
    return await _show(call, call.id)


async def _change(call: Call) -> RealPrinterObject:
    body: RealPrinterPatch = call.body
    changes: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    code = changes.pop("access_code", None)
    if code is not None:
        changes["access_code"] = code.get_secret_value()
    await call.control.targets.change(call.id, changes)
    return await _show(call, call.id)


async def _delete(call: Call) -> None:
    await call.control.targets.delete(call.id)


async def _discovered(call: Call) -> Page[DiscoveredObject]:
    return Page(items=[_heard(one) for one in await call.control.targets.discovered()])


async def _status(call: Call) -> RealPrinterStatusObject:
    async with call.control.database.read() as session:
        await store.get(session, call.id)
    return status_object(call.control.target_statuses.of(call.id))


async def _reveal(call: Call) -> AccessCodeOfPrinter:
    async with call.control.database.read() as session:
        return AccessCodeOfPrinter(access_code=(await store.get(session, call.id)).access_code)


async def _probe(call: Call) -> ProbeObject:
    found = await call.control.targets.probe(call.id)
    async with call.control.database.read() as session:
        printer = await store.get(session, call.id)
    return _probed(found, printer.fingerprint)


async def _accept(call: Call) -> RealPrinterObject:
    body: CertificateBody = call.body
    await call.control.targets.accept(call.id, body.fingerprint)
    return await _show(call, call.id)


async def _show(call: Call, id_: str) -> RealPrinterObject:
    async with call.control.database.read() as session:
        return (await _shown(call, session, [await store.get(session, id_)]))[0]


async def _shown(call: Call, session: AsyncSession, printers: Sequence[RealPrinter]) -> list[RealPrinterObject]:
    ids = [printer.id for printer in printers]
    users: dict[str, list[UserObject]] = {id_: [] for id_ in ids}
    for user in await session.scalars(select(Printer).where(Printer.target_id.in_(ids)).order_by(Printer.seq)):
        users[user.target_id or ""].append(UserObject(id=user.id, name=user.name, mode=user.mode))
    return [
        RealPrinterObject(
            id=printer.id,
            name=printer.name,
            host=printer.host,
            serial=printer.serial,
            model=printer.model,
            fingerprint=printer.fingerprint,
            revision=printer.revision,
            created_at=printer.created_at,
            changed_at=printer.changed_at,
            status=status_object(call.control.target_statuses.of(printer.id)),
            used_by=users[printer.id],
        )
        for printer in printers
    ]


def status_object(status: TargetStatus | None) -> RealPrinterStatusObject:
    """A status as it is answered."""
    state, error = condition_of(status)
    if status is None:
        return RealPrinterStatusObject(state=state, error=error)
    said = status.model_dump(include=_SAID)
    hint = ADVICE[status.trouble] if status.trouble is not None and status.error is None else None
    return RealPrinterStatusObject(**said, state=state, error=error, hint=hint, printing=status.state)


_SAID = set(RealPrinterStatusObject.model_fields) - {"state", "error", "hint", "printing"}


def _heard(one: HeardPrinter) -> DiscoveredObject:
    model = _model(one.model)
    return DiscoveredObject(
        serial=one.serial,
        host=one.address,
        name=one.name,
        model=model.code if model else None,
        model_name=model.name if model else one.model,
        firmware=one.version,
        lan_mode=one.connect == "lan",
        last_heard_seconds=one.last_heard_seconds,
        todo="type the access code that the printer shows (Settings, LAN only), and it is added",
    )


def _model(said: str) -> Model | None:
    try:
        return model_of(said)
    except UnknownModel:
        return None


def _probed(found: TargetProbe, trusted: str | None) -> ProbeObject:
    said = found.model_dump(include=set(ProbeObject.model_fields) & set(TargetProbe.model_fields))
    hint = ADVICE[found.trouble] if found.trouble is not None else None
    return ProbeObject(**said, trusted=found.fingerprint is not None and found.fingerprint == trusted, hint=hint)


_ADDING = (
    (HTTPStatus.CONFLICT, "duplicate_serial"),
    (HTTPStatus.CONFLICT, "own_printer"),
    (HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_model"),
)
_AWAY = (HTTPStatus.SERVICE_UNAVAILABLE, "proxy_away")
ROUTES = (
    Route("GET", "/printers", "List real printers", _list, Page[RealPrinterObject], query=Paging),
    Route(
        "POST",
        "/printers",
        "Add a real printer; host and access code are enough if it can be reached",
        _create,
        RealPrinterObject,
        body=RealPrinterBody,
        status=HTTPStatus.CREATED,
        access=Access.PRINTERS,
        problems=(
            *_ADDING,
            _AWAY,
            (HTTPStatus.SERVICE_UNAVAILABLE, "printer_not_found"),
            (HTTPStatus.UNPROCESSABLE_ENTITY, TargetTrouble.ACCESS_CODE.value),
            (HTTPStatus.UNPROCESSABLE_ENTITY, TargetTrouble.WRONG_PRINTER.value),
            (HTTPStatus.UNPROCESSABLE_ENTITY, TargetTrouble.CERTIFICATE_CHANGED.value),
        ),
    ),
    Route(
        "GET",
        "/printers/discovered",
        "List printers that are heard on the network and not known yet",
        _discovered,
        Page[DiscoveredObject],
        problems=((HTTPStatus.SERVICE_UNAVAILABLE, "discovery_away"),),
    ),
    Route("GET", "/printers/{id}", "Get a real printer", _get, RealPrinterObject),
    Route(
        "PATCH",
        "/printers/{id}",
        "Change a real printer",
        _change,
        RealPrinterObject,
        body=RealPrinterPatch,
        access=Access.PRINTERS,
        problems=_ADDING,
    ),
    Route(
        "DELETE",
        "/printers/{id}",
        "Forget a real printer that no virtual one uses",
        _delete,
        access=Access.PRINTERS,
        problems=((HTTPStatus.CONFLICT, "printer_in_use"),),
    ),
    Route("GET", "/printers/{id}/status", "How it fares now", _status, RealPrinterStatusObject),
    Route(
        "GET",
        "/printers/{id}/access-code",
        "Its access code",
        _reveal,
        AccessCodeOfPrinter,
        access=Access.PRINTERS,
        secret_answer=True,
    ),
    Route(
        "POST",
        "/printers/{id}/probe",
        "Look at it: address, identity, code, certificate, LAN mode",
        _probe,
        ProbeObject,
        access=Access.PRINTERS,
        problems=(_AWAY,),
    ),
    Route(
        "POST",
        "/printers/{id}/accept-certificate",
        "Trust the certificate that it shows now",
        _accept,
        RealPrinterObject,
        body=CertificateBody,
        access=Access.PRINTERS,
        problems=(_AWAY, (HTTPStatus.CONFLICT, "certificate_not_shown")),
    ),
)
