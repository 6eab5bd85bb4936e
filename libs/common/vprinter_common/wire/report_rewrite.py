"""A real printer's messages with another address in them, so that a slicer behind a relay never learns the printer's own.

The address that slicers follow is `net.info[].ip`, a number; the camera's URL holds one too, and any other text may. What is
to change is found by its place in the JSON and put into the text as it stands: every other byte stays as the printer wrote
it, numbers beyond 64 bits and the order and repetition of keys included (docs/adr/0019-json-in-place.md).
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address
from typing import NoReturn

from vprinter_common.wire.report import ReportError, ip_as_u32_le, ip_from_u32_le

TUNNEL_BITS = {"fun": 31, "fun2": 0}
"""The bits that send slicers to port 6000 with their files: *Send* by the one, *Print* by the other."""
MAX_ADDRESSES = 16
"""Addresses of one printer that are remembered; real ones have two interfaces."""

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TEXT = re.compile(_STRING, re.DOTALL)
_NAMES = frozenset({"print", "net", "info", "ip", "rtsp_url", "device", "connection_type", *TUNNEL_BITS})
_NAME = "|".join(sorted(_NAMES, key=len, reverse=True))
_POINT = re.compile(
    rf"""
    (?:[^"{{}}\[\]]++ | "(?!(?:{_NAME})"\s*:)[^"\\]*+(?:\\.[^"\\]*+)*+")*+      # what is of no concern, passed at once
    (?: "(?P<name>{_NAME})"\s*+:\s*+ (?:(?P<named>[{{\[]) | (?P<value>{_STRING}|[^\s,{{}}\[\]]++))
      | (?P<opening>[{{\[]) | (?P<closing>[}}\]]) )
    """,
    re.VERBOSE | re.DOTALL,
)
_HINTS = tuple(f'"{name}"' for name in ("ip", "rtsp_url", "connection_type", *TUNNEL_BITS))
_ENDING = "\0 \t\r\n"
_URL = re.compile(r"(?P<before>[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?)(?P<host>\[[^\]]*\]|[^:/?#]+)")
_HEX = re.compile(r"[0-9A-Fa-f]+")


class ReportRewriter:
    """Replaces the addresses of one printer by one of ours."""

    def __init__(self, addresses: Iterable[str], ours: str, *, tunnel: bool) -> None:
        """`addresses`: where the printer is known to be. `tunnel`: whether its port 6000 can be reached at ours."""
        self._ours = ours
        self._ours_number = str(ip_as_u32_le(ours))
        self.tunnel = tunnel
        self._addresses: dict[str, None] = {}
        self._words = re.compile(r"(?!)")
        self._byte_words = re.compile(rb"(?!)")
        for address in addresses:
            self._learn(address)

    def rewrite(self, payload: bytes) -> bytes:
        """The message as slicers may see it; the same object if nothing was to change.

        In what is no JSON object, which slicers do not read, addresses are replaced as text alone.
        """
        try:
            whole = payload.decode()
        except UnicodeDecodeError:
            return self._as_bytes(payload)
        text = whole.rstrip(_ENDING)
        escaped = "\\u" in text  # no other escape can stand for a letter, a digit or a dot
        if not escaped and not any(hint in text for hint in _HINTS):
            return self._as_bytes(payload)
        try:
            frame = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return self._as_bytes(payload)
        if not isinstance(frame, dict):
            return self._as_bytes(payload)
        rewritten = _TEXT.sub(self._plain, text) if escaped else text
        rewritten = self._in_places(rewritten)
        rewritten = _TEXT.sub(self._unescaped, rewritten) if escaped else self._words.sub(self._ours, rewritten)
        if rewritten == text:
            return payload
        return (rewritten + whole[len(text) :]).encode()

    def _as_bytes(self, payload: bytes) -> bytes:
        return self._byte_words.sub(self._ours.encode(), payload)

    def _in_places(self, text: str) -> str:
        """The text of a JSON object with the values replaced that are known by their place."""
        parents: list[str] = []
        pieces: list[str] = []
        done = 0
        for point in _POINT.finditer(text):
            match point.lastgroup:
                case "value":
                    old = point["value"]
                    new = self._value(parents, point["name"], old)
                    if new != old:
                        pieces += (text[done : point.start("value")], new)
                        done = point.end("value")
                case "named":
                    parents.append(point["name"])
                case "opening":
                    parents.append("")
                case _:
                    parents.pop()
        return "".join((*pieces, text[done:]))

    def _value(self, parents: list[str], name: str, value: str) -> str:
        parent = parents[-1]
        match name:
            case "ip" if parents[-3:] == ["net", "info", ""]:
                return self._ip(value)
            case "rtsp_url":
                return self._url(value)
            case "connection_type" if parent == "device" and value[0] == '"':
                return '"lan"'
            case "fun" | "fun2" if parent == "print" and not self.tunnel:
                return _cleared(value, TUNNEL_BITS[name])
            case _:
                return value

    def _ip(self, value: str) -> str:
        """An entry of `net.info`: 0 is an interface that is not in use, everything else leads to the printer."""
        try:
            number = float(value.strip('"'))
        except ValueError:  # a constant; or an address in writing, which is replaced as such
            return value
        if number == 0:
            return value
        with suppress(ReportError):
            self._learn(ip_from_u32_le(int(number)))
        return f'"{self._ours_number}"' if value[0] == '"' else self._ours_number

    def _url(self, value: str) -> str:
        """A camera's URL leads to ours, whatever it named; `disable` and the like have no host."""
        url = json.loads(value)
        found = _URL.match(url) if isinstance(url, str) else None
        if found is None or found["host"] == self._ours:
            return value
        self._learn(found["host"])
        return json.dumps(f"{found['before']}{self._ours}{url[found.end() :]}")

    def _plain(self, text: re.Match[str]) -> str:
        """A name that matters, without the escapes it may be written with."""
        if "\\u" not in text[0]:
            return text[0]
        plain = json.loads(text[0])
        return f'"{plain}"' if plain in _NAMES else text[0]

    def _unescaped(self, text: re.Match[str]) -> str:
        """A text without the printer's addresses, even if they are written with escapes."""
        if "\\u" not in text[0]:
            return self._words.sub(self._ours, text[0])
        plain = json.loads(text[0])
        replaced = self._words.sub(self._ours, plain)
        return text[0] if replaced == plain else json.dumps(replaced)

    def _learn(self, address: str) -> None:
        """Replace this address too, wherever it is written, if it is one."""
        try:
            IPv4Address(address)
        except AddressValueError:
            return
        if address in self._addresses or address == self._ours or len(self._addresses) == MAX_ADDRESSES:
            return
        self._addresses[address] = None
        words = whole_words(self._addresses)
        self._words = re.compile(words)
        self._byte_words = re.compile(words.encode())


def whole_words(addresses: Iterable[str]) -> str:
    """A pattern for addresses that are no part of a longer one, nor of a longer number with dots."""
    return rf"(?<![0-9])(?<![0-9]\.)(?:{'|'.join(map(re.escape, addresses))})(?![0-9])(?!\.[0-9])"


def _cleared(value: str, bit: int) -> str:
    """A flag word in hexadecimal text with one bit cleared and all other digits as they are."""
    digits = value[1:-1]
    at = len(digits) - 1 - bit // 4
    if value[0] != '"' or at < 0 or not _HEX.fullmatch(digits):
        return value
    digit = int(digits[at], 16)
    cleared = digit & ~(1 << bit % 4)
    shown = f"{cleared:x}" if digits[at].islower() else f"{cleared:X}"
    return value if cleared == digit else f'"{digits[:at]}{shown}{digits[at + 1 :]}"'


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
