"""Fields of bodies, checked with sentences for people."""

import re
import unicodedata
from ipaddress import IPv4Address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr
from pydantic_core import PydanticCustomError

from vprinter_common import catalog, net
from vprinter_common.contracts.message import Identifier
from vprinter_common.contracts.printer import Bind, PortRange

MIN_PASSIVE_PORTS = 4
MAX_HOST = 253
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def _printable(value: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
        raise ValueError("control characters and line breaks are not allowed")
    if not value.strip():
        raise ValueError("it must not be blank")
    return value.strip()


def _text(value: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t\r" for character in value):
        raise ValueError("control characters are not allowed")
    return value


def _model_code(value: str) -> str:
    try:
        return catalog.model(value).code
    except catalog.UnknownModel as error:
        raise PydanticCustomError(
            "unknown_model", "{why}", {"why": str(error), "hint": "GET /api/v1/models lists them"}
        ) from None


def _code(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) != 8 or not (text.isascii() and text.isalnum()):
        raise ValueError("an access code is exactly 8 letters or digits")
    return value


def _address(value: Any) -> Any:
    return str(net.parse_address(value)) if isinstance(value, str) else value


def _host(value: IPv4Address) -> IPv4Address:
    if value.is_unspecified or value.is_multicast or value == IPv4Address("255.255.255.255"):
        raise ValueError(f"{value} is not the address of one host")
    return value


def _network_host(value: str) -> str:
    value = value.strip()
    if re.fullmatch(r"[0-9.]+", value) or ":" in value:
        return str(_host(net.parse_address(value)))
    if len(value) > MAX_HOST or not all(_LABEL.fullmatch(label) for label in value.rstrip(".").split(".")):
        raise ValueError("this is neither an IPv4 address nor a DNS name")
    return value.rstrip(".").lower()


def _range(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError("passive_ports is a pair: [lowest, highest]")
        return {"low": value[0], "high": value[1]}
    return value


def _enough(value: PortRange) -> PortRange:
    if len(value) < MIN_PASSIVE_PORTS:
        raise ValueError(f"passive_ports needs at least {MIN_PASSIVE_PORTS} ports: one for each upload under way")
    return value


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]
Notes = Annotated[str, Field(max_length=10_000), AfterValidator(_text)]
Wanted = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_text)]
"""What a list is asked for."""
Tag = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_printable)]
Tags = Annotated[list[Tag], Field(max_length=50)]
ModelCode = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_model_code)]
Code = Annotated[SecretStr, AfterValidator(_code)]
Address = Annotated[IPv4Address, BeforeValidator(_address), AfterValidator(_host)]
Host = Annotated[str, Field(min_length=1, max_length=MAX_HOST), AfterValidator(_network_host)]
"""An IPv4 address or a DNS name."""
Serial = Annotated[str, Field(pattern="^[A-Za-z0-9]{1,32}$")]
Ports = Annotated[
    PortRange,
    BeforeValidator(_range),
    AfterValidator(_enough),
    PlainSerializer(lambda value: [value.low, value.high], return_type=list[int]),
]
Id = Identifier


class BindBody(Bind):
    """Where the listeners are: exactly one of the three."""

    model_config = Bind.model_config | {"extra": "forbid"}
