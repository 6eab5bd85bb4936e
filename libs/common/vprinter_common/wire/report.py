"""Facts of the JSON that printers and slicers exchange: its form, its addresses, its acknowledgements."""

import json
from collections.abc import Iterable, Mapping
from ipaddress import AddressValueError, IPv4Address
from typing import NoReturn

MAX_PAYLOAD = 256 * 1024
"""Bytes of one request; real ones stay under 8 KB."""
MAX_DEPTH = 32
"""Levels of nesting in one request; real ones have five."""
MAX_ECHO = 256


class ReportError(ValueError):
    """A payload or field is not what the protocol says; the message is short and safe to log."""


def ip_as_u32_le(address: str) -> int:
    """`net.info[].ip` of an IPv4 address: 192.168.255.133 is 2248124608. Raises ReportError."""
    try:
        return int.from_bytes(IPv4Address(address).packed, "little")
    except AddressValueError as error:
        raise ReportError(f"{address[:64]!r} is not an IPv4 address") from error


def ip_from_u32_le(number: int) -> str:
    """The IPv4 address of a `net.info[].ip`. Raises ReportError."""
    if not 0 <= number < 1 << 32:
        raise ReportError(f"{number} is not an unsigned 32-bit number")
    return str(IPv4Address(number.to_bytes(4, "little")))


def dumps(value: object) -> bytes:
    """JSON as printers write it: indented by 4, UTF-8. With compact JSON the slicers' Send never proceeds."""
    # A lone surrogate can come in as \ud800 in a slicer's JSON and must not stop the answer.
    return json.dumps(value, indent=4, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def loads(payload: bytes) -> dict[str, object]:
    """The JSON object of a request. Trailing NUL bytes are dropped: some slicers send the C string's end too.

    Raises ReportError for what is too large, too deep, not JSON, or not an object.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ReportError(f"payload of {len(payload)} bytes; at most {MAX_PAYLOAD} are read")
    try:
        value = json.loads(payload.rstrip(b"\0 \t\r\n"), parse_constant=_refuse)
    except RecursionError as error:
        raise ReportError(f"payload nests deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise ReportError(f"payload is not JSON: {str(error)[:100]}") from error
    if not isinstance(value, dict):
        raise ReportError(f"payload is a JSON {type(value).__name__}, not an object")
    _check_depth(value)
    return value


def acknowledge(request: Mapping[str, object], **fields: object) -> dict[str, object]:
    """The common shape: `command` and `sequence_id` repeated, then the rest, success unless said otherwise."""
    return {
        "command": echo(request.get("command")),
        "sequence_id": echo(request.get("sequence_id")),
        "result": "success",
        "reason": "",
    } | fields


def echo(value: object) -> str | float:
    """A request's scalar as it is repeated; what is neither text nor a plausible number becomes "0"."""
    match value:
        case str():
            return value[:MAX_ECHO]
        case bool():
            return "0"
        case int() | float() if abs(value) < 1 << 53:  # which NaN is not, and infinity neither
            return value
        case _:
            return "0"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise ReportError(f"payload nests deeper than {MAX_DEPTH} levels")


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
