"""Requests that a service answers (`vprinter.rpc.<service>.<verb>`)."""

from pydantic import BaseModel, ConfigDict, Field

from vprinter_common.contracts.message import Event, Message


class Nothing(Message):
    """A request without parameters."""


class HeardPrinter(BaseModel):
    """A real printer heard on the LAN."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    serial: str
    address: str
    model: str
    name: str
    version: str = ""
    connect: str = ""
    bind: str = ""
    interface: str = ""
    last_heard_seconds: float = Field(ge=0)


class Heard(Event):
    """Answer of discovery.heard."""

    printers: tuple[HeardPrinter, ...] = ()


class SelfCheck(Event):
    """Answer of <service>.selfcheck: is the service well, and if not why."""

    service: str
    node: str
    ready: bool
    problems: tuple[str, ...] = ()
