"""The SSDP dialect printers announce themselves with, on UDP 2021.

Header set and order are those of a real X1C. Values that are missing on some models (P1: no NTS, no DevInf; P2S: no
DevSignal) are empty strings after parsing, and an empty value is not sent.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

PORT = 2021
GROUP = "239.255.255.250"
URN = "urn:bambulab-com:device:3dprinter:1"
MAX_DATAGRAM = 4096
MAX_HEADERS = 64
MAX_VALUE_BYTES = 64
"""Of any header value: room for a long name in any script, and a whole datagram still fits one Ethernet frame."""

_ALIVE = "ssdp:alive"
_BYEBYE = "ssdp:byebye"
_HOST = f"{GROUP}:1990"  # printers say 1990 whatever port the packet goes to
_MAX_AGE = "max-age=1800"
_DETAILS = ("name", "version", "signal", "connect", "bind", "seclink", "inf", "cap")
_INVISIBLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a printer says about itself, in the words of the protocol; `location` is a bare IPv4 address."""

    location: str
    serial: str
    model: str
    name: str
    version: str
    signal: str = "-44"
    connect: str = "lan"
    bind: str = "free"
    seclink: str = "secure"
    inf: str = "eth0"
    cap: str = "1"


@dataclass(frozen=True, slots=True)
class Alive:
    """A printer is there."""

    announcement: Announcement


@dataclass(frozen=True, slots=True)
class ByeBye:
    """A printer leaves."""

    serial: str


@dataclass(frozen=True, slots=True)
class Search:
    """Somebody asks which printers there are."""


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """A printer answers a search."""

    announcement: Announcement


def notify_alive(announcement: Announcement) -> bytes:
    """The datagram that is broadcast every few seconds."""
    return _datagram(
        "NOTIFY * HTTP/1.1",
        ("Host", _HOST),
        ("Server", "UPnP/1.0"),
        ("Location", announcement.location),
        ("NT", URN),
        ("NTS", _ALIVE),
        *_identity(announcement),
    )


def search_response(announcement: Announcement) -> bytes:
    """The datagram that answers M-SEARCH, to its sender."""
    return _datagram(
        "HTTP/1.1 200 OK",
        ("Server", "UPnP/1.0"),
        ("Location", announcement.location),
        ("ST", URN),
        *_identity(announcement),
    )


def notify_byebye(serial: str) -> bytes:
    """The datagram that says goodbye."""
    return _datagram("NOTIFY * HTTP/1.1", ("Host", _HOST), ("NT", URN), ("NTS", _BYEBYE), ("USN", serial))


def parse(datagram: bytes) -> Alive | ByeBye | Search | SearchResponse | None:
    """What a datagram says, None if it is not about printers or not understood."""
    if len(datagram) > MAX_DATAGRAM:
        return None
    text = datagram.decode(errors="replace")
    start_line, *lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > MAX_HEADERS:
        return None
    match start_line.upper().split():
        case ["NOTIFY", *_]:
            return _parse_notify(_headers(lines))
        case ["HTTP/1.1" | "HTTP/1.0", "200", *_]:
            return _parse_response(_headers(lines))
        case _:
            return _parse_search(text.casefold())


def sanitise_name(text: str, fallback: str = "Virtual Printer") -> str:
    """A name fit for a header, a certificate and a slicer's list: one line, at most MAX_VALUE_BYTES of UTF-8, not empty."""
    return _shorten(one_line(text)) or fallback


def one_line(text: str) -> str:
    """The text without characters that control a line or a terminal; runs of them and of white space become one space."""
    return " ".join("".join(" " if _is_control(each) else each for each in text).split())


def _identity(announcement: Announcement) -> tuple[tuple[str, str], ...]:
    return (
        ("USN", announcement.serial),
        ("Cache-Control", _MAX_AGE),
        ("DevModel.bambu.com", announcement.model),
        ("DevName.bambu.com", sanitise_name(announcement.name)),
        ("DevSignal.bambu.com", announcement.signal),
        ("DevConnect.bambu.com", announcement.connect),
        ("DevBind.bambu.com", announcement.bind),
        ("Devseclink.bambu.com", announcement.seclink),
        ("DevInf.bambu.com", announcement.inf),
        ("DevVersion.bambu.com", announcement.version),
        ("DevCap.bambu.com", announcement.cap),
    )


def _datagram(start_line: str, *headers: tuple[str, str]) -> bytes:
    lines = [start_line]
    for name, value in headers:
        if shown := _shorten(one_line(value)):
            lines.append(f"{name}: {shown}")
    return "\r\n".join([*lines, "", ""]).encode()


def _headers(lines: list[str]) -> dict[str, str]:
    """Header values by lower-case name up to the empty line; of two with one name the first counts."""
    headers: dict[str, str] = {}
    for line in lines:
        if not line:
            break
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().casefold(), one_line(value))
    return headers


def _parse_notify(headers: Mapping[str, str]) -> Alive | ByeBye | None:
    if headers.get("nt", "").casefold() != URN:
        return None
    kind = headers.get("nts", _ALIVE).casefold()
    if kind == _BYEBYE and headers.get("usn"):
        return ByeBye(headers["usn"])
    announcement = _announcement(headers) if kind == _ALIVE else None
    return None if announcement is None else Alive(announcement)


def _parse_response(headers: Mapping[str, str]) -> SearchResponse | None:
    announcement = _announcement(headers) if headers.get("st", "").casefold() == URN else None
    return None if announcement is None else SearchResponse(announcement)


def _parse_search(text: str) -> Search | None:
    asks_for_us = "m-search" in text and (URN in text or "ssdp:all" in text)
    return Search() if asks_for_us else None


def _announcement(headers: Mapping[str, str]) -> Announcement | None:
    """The announcement in the headers, None without what a printer cannot be reached or told apart by."""
    location, serial, model = (headers.get(name, "") for name in ("location", "usn", "devmodel.bambu.com"))
    if not (serial and model and _is_ipv4(location)):
        return None
    details = {name: headers.get(f"dev{name}.bambu.com", "") for name in _DETAILS}
    return Announcement(location, serial, model, **details)


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE or character in _REORDERING


def _shorten(text: str) -> str:
    """At most MAX_VALUE_BYTES of UTF-8, cut between characters."""
    return text.encode()[:MAX_VALUE_BYTES].decode(errors="ignore").rstrip()
