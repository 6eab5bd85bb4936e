"""`virtual-printers`: create, look, change, enable, disable, delete, status."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from ipaddress import IPv4Address
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select

from vprinter_common.contracts.printer import DEFAULT_PASSIVE_PORTS, Allow, Bind, FtpRelay, Mode, PortRange, Relay
from vprinter_common.contracts.status import ClientStatus, ListenerStatus, PrinterStatus, State
from vprinter_control.api.conditional import Item
from vprinter_control.api.fields import Address, BindBody, Code, Id, ModelCode, Name, Ports
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.real_printers import RealPrinterStatusObject, status_object
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.api.sessions_of_printers import SessionObject, session_object
from vprinter_control.domain.relaying import AS_THE_MODE, Passing, relay_of
from vprinter_control.domain.status import Condition, whole
from vprinter_control.store import printers as store
from vprinter_control.store import slicers, targets
from vprinter_control.store.printers import Draft, draft_of
from vprinter_control.store.schema import Code as CodeRow
from vprinter_control.store.schema import Printer, RealPrinter

Hosts = Annotated[tuple[Address, ...], Field(max_length=64)]


class RelayBody(Body):
    """What passes between slicers and the target; what is left out follows from the mode.

    A proxy passes everything (`control`) and the camera, a printer that mirrors its target nothing.
    """

    allow: Allow | None = None
    ftp: FtpRelay | None = None
    capture: bool | None = None
    """Keep a copy of every relayed file in the archive; needs `terminate`."""
    camera: bool | None = None


class PrinterBody(Body):
    """A new printer."""

    name: Name
    model: ModelCode | None = None
    """Left out: that of the target. A proxy has its target's in any case."""
    mode: Mode = Mode.IMMEDIATE
    access_code: Code | None = None
    """Left out: a random one."""
    enabled: bool = True
    bind: BindBody = BindBody(any=True)
    advertise: Address | None = None
    passive_ports: Ports = DEFAULT_PASSIVE_PORTS
    pasv_address: Address | None = None
    announce_to: Hosts = ()
    target: Id | None = None
    """The real printer that a proxy stands in front of, and whose filaments and progress another printer shows."""
    relay: RelayBody | None = None


class PrinterPatch(Body):
    """Changes; what is left out stays, null takes an optional field away."""

    name: Name = ""
    model: ModelCode = ""
    mode: Mode = Mode.IMMEDIATE
    access_code: Code | None = None
    enabled: bool = True
    bind: BindBody = BindBody(any=True)
    advertise: Address | None = None
    passive_ports: Ports = DEFAULT_PASSIVE_PORTS
    pasv_address: Address | None = None
    announce_to: Hosts = ()
    target: Id | None = None
    relay: RelayBody | None = None
    """As a whole; null = all as the mode has it."""


class CodeObject(BaseModel):
    """An access code without the code."""

    id: str
    owner: str


class ServiceObject(BaseModel):
    """How the printer fares at one service of one node."""

    service: str
    state: State
    node: str
    address: str
    revision: int
    since: AwareDatetime
    restarts: int
    connections: int
    last_client: ClientStatus | None
    listeners: tuple[ListenerStatus, ...]
    error: str | None


class StatusObject(BaseModel):
    """How the printer fares; `services` by name."""

    state: Condition
    error: str | None
    services: dict[str, ServiceObject]


class DetailedStatusObject(StatusObject):
    """With every node's word in `items`, where several serve the printer; who is connected, and how its target fares."""

    items: list[ServiceObject]
    sessions: list[SessionObject]
    target: RealPrinterStatusObject | None


class PrinterObject(Item):
    """A virtual printer. `access_code` is the primary one, shown to the scopes printers and admin only.

    A proxy has serial number and model of its target, and no codes: slicers give it the real printer's.
    """

    # Access codes are a resource of their own: to add one must not stand in the way of who edits the printer.
    derived: ClassVar = frozenset({"access_code", "access_codes", "revision", "status"})

    id: str
    name: str
    model: str
    mode: Mode
    enabled: bool
    bind: dict[str, Any]
    advertise: IPv4Address | None
    passive_ports: Annotated[PortRange, Ports.__metadata__[-1]]
    pasv_address: IPv4Address | None
    announce_to: tuple[IPv4Address, ...]
    target: str | None
    relay: Relay | None
    """What passes; null without a target."""
    serial: str
    revision: int
    created_at: AwareDatetime
    access_code: str | None
    access_codes: list[CodeObject]
    status: StatusObject


async def _list(call: Call) -> Page[PrinterObject]:
    paging: Paging = call.query
    async with call.control.database.read() as session:
        codes, known = await store.codes(session), await targets.by_id(session)

        async def show(printers: Sequence[Printer]) -> list[PrinterObject]:
            return [_object(call, printer, codes.get(printer.id, []), known) for printer in printers]

        return await page(session, select(Printer), Printer.seq, paging, show, newest_first=False)


async def _create(call: Call) -> PrinterObject:
    body: PrinterBody = call.body
    draft = Draft(
        name=body.name,
        model=body.model or "",
        mode=body.mode,
        enabled=body.enabled,
        bind=Bind.model_validate(body.bind.model_dump()),
        advertise=body.advertise,
        passive_ports=body.passive_ports,
        pasv_address=body.pasv_address,
        announce_to=body.announce_to,
        target=body.target,
        relay=_passing(body.relay),
    )
    code = body.access_code.get_secret_value() if body.access_code else None
    return await _show(call, await call.control.printers.create(draft, code))


async def _get(call: Call) -> PrinterObject:
    return await _show(call, call.id)


async def _change(call: Call) -> PrinterObject:
    body: PrinterPatch = call.body
    changes = {name: getattr(body, name) for name in body.model_fields_set - {"access_code"}}
    if "bind" in changes:
        changes["bind"] = Bind.model_validate(body.bind.model_dump())
    if "relay" in changes:
        changes["relay"] = _passing(body.relay)
    code = body.access_code.get_secret_value() if body.access_code else None
    await call.control.printers.change(call.id, changes, code)
    return await _show(call, call.id)


async def _enable(call: Call) -> PrinterObject:
    await call.control.printers.change(call.id, {"enabled": True})
    return await _show(call, call.id)


async def _disable(call: Call) -> PrinterObject:
    await call.control.printers.change(call.id, {"enabled": False})
    return await _show(call, call.id)


async def _delete(call: Call) -> None:
    await call.control.printers.delete(call.id)


async def _status(call: Call) -> DetailedStatusObject:
    async with call.control.database.read() as session:
        printer = await store.get(session, call.id)
        sessions = call.control.live.sessions.of(printer.id)
        known = await slicers.by_client(session, {one.client for one in sessions})
    status = _status_object(call, printer)
    items = [_service(one) for one in call.control.statuses.of(printer.id)] if printer.enabled else []
    target = printer.target_id
    return DetailedStatusObject(
        state=status.state,
        error=status.error,
        services=status.services,
        items=items,
        sessions=[session_object(one, known) for one in sessions],
        target=status_object(call.control.target_statuses.of(target)) if target is not None else None,
    )


async def _show(call: Call, id_: str) -> PrinterObject:
    async with call.control.database.read() as session:
        printer = await store.get(session, id_)
        codes, known = await store.codes(session), await targets.by_id(session)
    return _object(call, printer, codes.get(id_, []), known)


def _passing(body: RelayBody | None) -> Passing:
    return Passing(**body.model_dump()) if body is not None else AS_THE_MODE


def _object(call: Call, printer: Printer, codes: list[CodeRow], known: Mapping[str, RealPrinter]) -> PrinterObject:
    draft = draft_of(printer)
    serial, model = store.identity(printer, known.get(draft.target or ""))
    if draft.mode is Mode.PROXY:
        codes = []
    return PrinterObject(
        id=printer.id,
        name=draft.name,
        model=model,
        mode=draft.mode,
        enabled=draft.enabled,
        bind=printer.bind,
        advertise=draft.advertise,
        passive_ports=draft.passive_ports,
        pasv_address=draft.pasv_address,
        announce_to=draft.announce_to,
        target=draft.target,
        relay=relay_of(draft.mode, draft.relay) if draft.target is not None else None,
        serial=serial,
        revision=printer.revision,
        created_at=printer.created_at,
        access_code=codes[0].code if codes and call.sees_secrets else None,
        access_codes=[CodeObject(id=code.id, owner=code.owner) for code in codes],
        status=_status_object(call, printer),
    )


def _status_object(call: Call, printer: Printer) -> StatusObject:
    found = whole(printer.enabled, Mode(printer.mode), call.control.statuses.of(printer.id))
    return StatusObject(
        state=found.state,
        error=found.error,
        services={name: _service(status) for name, status in found.services.items()},
    )


def _service(status: PrinterStatus) -> ServiceObject:
    return ServiceObject(
        service=status.service,
        state=status.state,
        node=status.node,
        address=status.address,
        revision=status.revision,
        since=status.since,
        restarts=status.restarts,
        connections=status.connections,
        last_client=status.last_client,
        listeners=status.listeners,
        error=status.error,
    )


_ENABLING = (
    (HTTPStatus.CONFLICT, "address_conflict"),
    (HTTPStatus.CONFLICT, "target_conflict"),
    (HTTPStatus.SERVICE_UNAVAILABLE, "certificate_authority_unusable"),
)
_MODELS = (
    (HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_model"),
    *(
        (HTTPStatus.UNPROCESSABLE_ENTITY, code)
        for code in (
            "no_target",
            "unknown_printer",
            "model_of_target",
            "unused_access_code",
            "nothing_to_capture",
            "capture_needs_terminate",
        )
    ),
)
ROUTES = (
    Route("GET", "/virtual-printers", "List virtual printers", _list, Page[PrinterObject], query=Paging),
    Route(
        "POST",
        "/virtual-printers",
        "Create a virtual printer",
        _create,
        PrinterObject,
        body=PrinterBody,
        status=HTTPStatus.CREATED,
        access=Access.PRINTERS,
        secret_answer=True,
        problems=(*_ENABLING, *_MODELS),
    ),
    Route("GET", "/virtual-printers/{id}", "Get a virtual printer", _get, PrinterObject),
    Route(
        "PATCH",
        "/virtual-printers/{id}",
        "Change a virtual printer",
        _change,
        PrinterObject,
        body=PrinterPatch,
        access=Access.PRINTERS,
        problems=(*_ENABLING, *_MODELS, (HTTPStatus.CONFLICT, "duplicate_code")),
    ),
    Route(
        "DELETE",
        "/virtual-printers/{id}",
        "Delete a virtual printer; what it received stays",
        _delete,
        access=Access.PRINTERS,
    ),
    Route(
        "POST",
        "/virtual-printers/{id}/enable",
        "Enable it",
        _enable,
        PrinterObject,
        access=Access.PRINTERS,
        problems=_ENABLING,
    ),
    Route("POST", "/virtual-printers/{id}/disable", "Disable it", _disable, PrinterObject, access=Access.PRINTERS),
    Route("GET", "/virtual-printers/{id}/status", "How it fares, by service and node", _status, DetailedStatusObject),
)
