"""`virtual-printers`: create, look, change, enable, disable, delete, status."""

from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import IPv4Address
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select

from vprinter_common.contracts.printer import DEFAULT_PASSIVE_PORTS, Bind, Mode, PortRange
from vprinter_common.contracts.status import ClientStatus, ListenerStatus, PrinterStatus, State
from vprinter_control.api.fields import Address, BindBody, BuiltMode, Code, ModelCode, Name, Ports
from vprinter_control.api.paging import Page, Paging, page
from vprinter_control.api.routing import Body, Call, Route
from vprinter_control.domain.status import Condition, whole
from vprinter_control.store import printers as store
from vprinter_control.store.printers import Draft, draft_of
from vprinter_control.store.schema import Code as CodeRow
from vprinter_control.store.schema import Printer

Hosts = Annotated[tuple[Address, ...], Field(max_length=64)]


class PrinterBody(Body):
    """A new printer."""

    name: Name
    model: ModelCode
    mode: BuiltMode = Mode.IMMEDIATE
    access_code: Code | None = None
    """Left out: a random one."""
    enabled: bool = True
    bind: BindBody = BindBody(any=True)
    advertise: Address | None = None
    passive_ports: Ports = DEFAULT_PASSIVE_PORTS
    pasv_address: Address | None = None
    announce_to: Hosts = ()


class PrinterPatch(Body):
    """Changes; what is left out stays, null takes an optional field away."""

    name: Name = ""
    model: ModelCode = ""
    mode: BuiltMode = Mode.IMMEDIATE
    access_code: Code | None = None
    enabled: bool = True
    bind: BindBody = BindBody(any=True)
    advertise: Address | None = None
    passive_ports: Ports = DEFAULT_PASSIVE_PORTS
    pasv_address: Address | None = None
    announce_to: Hosts = ()


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
    """With every node's word in `items`, where several serve the printer."""

    items: list[ServiceObject]


class PrinterObject(BaseModel):
    """A virtual printer. `access_code` is shown to the scope admin only."""

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
    serial: str
    revision: int
    created_at: AwareDatetime
    access_code: str | None
    access_codes: list[CodeObject]
    status: StatusObject


async def _list(call: Call) -> Page[PrinterObject]:
    paging: Paging = call.query
    async with call.control.database.read() as session:
        codes = await store.codes(session)

        async def show(printers: Sequence[Printer]) -> list[PrinterObject]:
            return [_object(call, printer, codes.get(printer.id, [])) for printer in printers]

        return await page(session, select(Printer), Printer.seq, paging, show, newest_first=False)


async def _create(call: Call) -> PrinterObject:
    body: PrinterBody = call.body
    draft = Draft(
        name=body.name,
        model=body.model,
        mode=body.mode,
        enabled=body.enabled,
        bind=Bind.model_validate(body.bind.model_dump()),
        advertise=body.advertise,
        passive_ports=body.passive_ports,
        pasv_address=body.pasv_address,
        announce_to=body.announce_to,
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
    status = _status_object(call, printer)
    items = [_service(one) for one in call.control.statuses.of(printer.id)] if printer.enabled else []
    return DetailedStatusObject(state=status.state, error=status.error, services=status.services, items=items)


async def _show(call: Call, id_: str) -> PrinterObject:
    async with call.control.database.read() as session:
        printer = await store.get(session, id_)
        codes = await store.codes(session)
    return _object(call, printer, codes.get(id_, []))


def _object(call: Call, printer: Printer, codes: list[CodeRow]) -> PrinterObject:
    draft = draft_of(printer)
    return PrinterObject(
        id=printer.id,
        name=draft.name,
        model=draft.model,
        mode=draft.mode,
        enabled=draft.enabled,
        bind=printer.bind,
        advertise=draft.advertise,
        passive_ports=draft.passive_ports,
        pasv_address=draft.pasv_address,
        announce_to=draft.announce_to,
        serial=printer.serial,
        revision=printer.revision,
        created_at=printer.created_at,
        access_code=codes[0].code if codes and call.sees_secrets else None,
        access_codes=[CodeObject(id=code.id, owner=code.owner) for code in codes],
        status=_status_object(call, printer),
    )


def _status_object(call: Call, printer: Printer) -> StatusObject:
    found = whole(printer.enabled, call.control.statuses.of(printer.id))
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
    ),
    Route("GET", "/virtual-printers/{id}", "Get a virtual printer", _get, PrinterObject),
    Route("PATCH", "/virtual-printers/{id}", "Change a virtual printer", _change, PrinterObject, body=PrinterPatch),
    Route("DELETE", "/virtual-printers/{id}", "Delete a virtual printer; what it received stays", _delete),
    Route("POST", "/virtual-printers/{id}/enable", "Enable it", _enable, PrinterObject),
    Route("POST", "/virtual-printers/{id}/disable", "Disable it", _disable, PrinterObject),
    Route("GET", "/virtual-printers/{id}/status", "How it fares, by service and node", _status, DetailedStatusObject),
)
