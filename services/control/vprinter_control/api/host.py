"""`models` and `interfaces`: what there is to choose from."""

from ipaddress import IPv4Address

from pydantic import BaseModel

from vprinter_common import catalog
from vprinter_control.api.paging import Page
from vprinter_control.api.routing import Call, Route
from vprinter_control.domain.addresses import bound_address
from vprinter_control.store import printers


class ModelObject(BaseModel):
    """A printer model."""

    code: str
    name: str
    product_name: str
    aliases: list[str]
    serial_prefix: str
    firmware: str
    nozzles: int
    camera_port: int
    storage: list[str]


class AddressObject(BaseModel):
    """An address of this host, and the enabled printer that has it to itself."""

    address: IPv4Address
    prefix_length: int
    printer_id: str | None


class InterfaceObject(BaseModel):
    """A network interface of this host."""

    name: str
    is_default: bool
    addresses: list[AddressObject]


async def _models(_call: Call) -> Page[ModelObject]:
    return Page(
        items=[
            ModelObject(
                code=model.code,
                name=model.name,
                product_name=model.product_name,
                aliases=list(model.aliases),
                serial_prefix=model.serial_prefix,
                firmware=model.firmware,
                nozzles=model.nozzles,
                camera_port=model.camera_port,
                storage=[storage.value for storage in model.storage],
            )
            for model in catalog.MODELS
        ]
    )


async def _interfaces(call: Call) -> Page[InterfaceObject]:
    here = call.control.addresses.interfaces
    default = await call.control.addresses.default()
    async with call.control.database.read() as session:
        enabled = [printer for printer in await printers.every(session) if printer.enabled]
    taken = {bound_address(printers.draft_of(printer).bind, here): printer.id for printer in enabled}
    return Page(
        items=[
            InterfaceObject(
                name=interface.name,
                is_default=any(own.ip == default for own in interface.addresses),
                addresses=[
                    AddressObject(address=own.ip, prefix_length=own.network.prefixlen, printer_id=taken.get(own.ip))
                    for own in interface.addresses
                ],
            )
            for interface in here
        ]
    )


ROUTES = (
    Route("GET", "/models", "List printer models", _models, Page[ModelObject]),
    Route("GET", "/interfaces", "List this host's interfaces and addresses", _interfaces, Page[InterfaceObject]),
)
