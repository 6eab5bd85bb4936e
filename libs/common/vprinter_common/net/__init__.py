"""The host's addresses and ports: what is there, what comes and goes, who holds a port, why a bind failed."""

from vprinter_common.net.interfaces import (
    Interface,
    default_address,
    directed_broadcast,
    interfaces,
    owns,
    parse_address,
)
from vprinter_common.net.nat import Redirect, redirects
from vprinter_common.net.ports import Holder, bind_error, port_holders, port_owner
from vprinter_common.net.watch import AddressWatch

__all__ = [
    "AddressWatch",
    "Holder",
    "Interface",
    "Redirect",
    "bind_error",
    "default_address",
    "directed_broadcast",
    "interfaces",
    "owns",
    "parse_address",
    "port_holders",
    "port_owner",
    "redirects",
]
