"""The detect exchange of the slicers' "add by IP" dialog: one framed JSON request, one reply (TCP 3000 and 3002).

A5 A5 | uint16 little-endian: bytes of the whole frame | UTF-8 JSON | A7 A7
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from vprinter_common.wire.ssdp import one_line, sanitise_name

PLAIN_PORT = 3000
TLS_PORT = 3002
MAX_FRAME = 4096
REPLY_SEQUENCE_ID = 3021
"""Printers number their replies by a counter of their own, an integer, and slicers do not match it with the request."""

_HEAD = b"\xa5\xa5"
_TAIL = b"\xa7\xa7"
_HEADER_SIZE = 4
_MIN_FRAME = _HEADER_SIZE + len(_TAIL)
_MAX_BRACKETS = 32


class DetectFault(StrEnum):
    """Why bytes are not an acceptable frame or request; a closed list, fit for a metric label."""

    FRAME_TOO_LARGE = "frame_too_large"
    FRAME_TOO_SHORT = "frame_too_short"
    HEAD_INVALID = "head_invalid"
    JSON_INVALID = "json_invalid"
    JSON_TOO_NESTED = "json_too_nested"
    NOT_DETECT = "not_detect"
    TAIL_INVALID = "tail_invalid"


class DetectError(Exception):
    """The peer sent something else than a detect frame; there is no answer to it but closing."""

    def __init__(self, reason: DetectFault, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class DetectRequest:
    """A slicer asks who is there."""

    sequence_id: str = "20000"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is there; `bind` other than "free" or `connect` other than "lan" makes the slicer refuse."""

    serial: str
    model: str
    name: str
    version: str
    bind: str = "free"
    connect: str = "lan"


class FrameReader:
    """Cuts frames out of a stream that arrives in pieces of any size.

    The announced size is checked as soon as it is known, so whoever calls `next_frame` until it returns None after
    each `feed` never holds more than one acceptable frame and one piece.
    """

    def __init__(self, max_size: int = MAX_FRAME) -> None:
        self._max_size = max_size
        self._buffer = bytearray()

    @property
    def buffered(self) -> int:
        """Bytes received and not yet given out."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """The JSON of the next whole frame, or None until more arrives; raises DetectError."""
        head = bytes(self._buffer[: len(_HEAD)])
        if not _HEAD.startswith(head):
            raise DetectError(DetectFault.HEAD_INVALID, f"a frame starts with a5a5, not {head.hex()}")
        if len(self._buffer) < _HEADER_SIZE:
            return None
        size = int.from_bytes(self._buffer[len(_HEAD) : _HEADER_SIZE], "little")
        if size < _MIN_FRAME:
            raise DetectError(DetectFault.FRAME_TOO_SHORT, f"a frame of {size} bytes, {_MIN_FRAME} is the least")
        if size > self._max_size:
            raise DetectError(DetectFault.FRAME_TOO_LARGE, f"a frame of {size} bytes, {self._max_size} is the most")
        if len(self._buffer) < size:
            return None
        frame = bytes(self._buffer[:size])
        del self._buffer[:size]
        if not frame.endswith(_TAIL):
            raise DetectError(DetectFault.TAIL_INVALID, f"a frame ends with a7a7, not {frame[-2:].hex()}")
        return frame[_HEADER_SIZE : -len(_TAIL)]


def encode_frame(message: Mapping[str, object]) -> bytes:
    """A JSON object in its frame; raises ValueError if it exceeds MAX_FRAME."""
    payload = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    size = _MIN_FRAME + len(payload)
    if size > MAX_FRAME:
        raise ValueError(f"a detect frame of {size} bytes, {MAX_FRAME} is the most")
    return _HEAD + size.to_bytes(2, "little") + payload + _TAIL


def detect_request(request: DetectRequest) -> bytes:
    """The frame a slicer sends."""
    return encode_frame({"login": {"command": "detect", "sequence_id": request.sequence_id}})


def detect_reply(identity: Identity, sequence_id: int = REPLY_SEQUENCE_ID) -> bytes:
    """The frame a printer answers with."""
    return encode_frame(
        {
            "login": {
                "bind": identity.bind,
                "command": "detect",
                "connect": identity.connect,
                "dev_cap": 1,
                "id": identity.serial,
                "model": identity.model,
                "name": sanitise_name(identity.name),
                "sequence_id": sequence_id,
                "version": identity.version,
            }
        }
    )


def parse_request(payload: bytes) -> DetectRequest:
    """The request in a frame's JSON; raises DetectError."""
    return DetectRequest(_text(_login(payload), "sequence_id"))


def parse_reply(payload: bytes) -> Identity:
    """The reply in a frame's JSON, missing texts as empty ones; raises DetectError without serial number or model."""
    login = _login(payload)
    serial, model = _text(login, "id"), _text(login, "model")
    if not (serial and model):
        raise DetectError(DetectFault.NOT_DETECT, "a detect reply without serial number or model")
    name, version, bind, connect = (_text(login, key) for key in ("name", "version", "bind", "connect"))
    return Identity(serial, model, name, version, bind, connect)


def _login(payload: bytes) -> Mapping[str, object]:
    """The `login` object of a detect message."""
    # Counting brackets bounds the nesting before the parser recurses, whatever the depth of the caller's stack.
    brackets = payload.count(b"{") + payload.count(b"[")
    if brackets > _MAX_BRACKETS:
        raise DetectError(
            DetectFault.JSON_TOO_NESTED, f"{brackets} objects and lists, at most {_MAX_BRACKETS} are read"
        )
    try:
        message = json.loads(payload.rstrip(b"\0").decode())
    except ValueError as error:
        raise DetectError(DetectFault.JSON_INVALID, str(error)) from error
    match message:
        case {"login": {"command": "detect"} as login}:
            return dict(login)
        case _:
            raise DetectError(DetectFault.NOT_DETECT, "JSON without login.command = detect")


def _text(login: Mapping[str, object], key: str) -> str:
    """A text field on one line; numbers as their digits, anything else as empty."""
    match login.get(key):
        case str(text):
            return one_line(text)
        case int(number):
            return str(number)
        case _:
            return ""
