"""CONNECT and CONNACK: the beginning of an MQTT 3.1.1 session."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

from vprinter_common.wire.mqtt_body import (
    BasePacket,
    Fields,
    PacketType,
    check_qos,
    pack_binary,
    pack_text,
    pack_uint16,
)
from vprinter_common.wire.mqtt_framing import MqttError, Violation

PROTOCOL_LEVEL = 4
_PROTOCOL_NAME = b"MQTT"
_OLD_PROTOCOL_NAME = b"MQIsdp"
_WILL_QOS_SHIFT = 3
_WILL_DETAILS = 0x38


class ConnectCode(IntEnum):
    """The return codes of CONNACK; slicers show "Incorrect password" for NOT_AUTHORISED and for nothing else."""

    ACCEPTED = 0
    UNACCEPTABLE_PROTOCOL = 1
    IDENTIFIER_REJECTED = 2
    SERVER_UNAVAILABLE = 3
    BAD_CREDENTIALS = 4
    NOT_AUTHORISED = 5


class _ConnectFlag(IntEnum):
    RESERVED = 0x01
    CLEAN_SESSION = 0x02
    WILL = 0x04
    WILL_RETAIN = 0x20
    PASSWORD = 0x40
    USERNAME = 0x80


@dataclass(frozen=True, slots=True)
class Will:
    """What the server should publish when the client is lost. Printers ignore it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Connect(BasePacket):
    """A client introduces itself. User name and password are bytes: nobody promises that they are text."""

    TYPE = PacketType.CONNECT

    client_id: str
    username: bytes | None = None
    password: bytes | None = field(default=None, repr=False)
    keep_alive: int = 60
    clean_session: bool = True
    will: Will | None = None

    def __post_init__(self) -> None:
        if self.password is not None and self.username is None:
            raise ValueError("a password without a user name; MQTT 3.1.1 has no place for it")

    @classmethod
    def _decode(cls, fields: Fields) -> Self:
        _check_protocol(fields.binary(), fields.byte())
        flags = _connect_flags(fields.byte())
        keep_alive = fields.uint16()
        clean_session = bool(flags & _ConnectFlag.CLEAN_SESSION)
        client_id = fields.text()
        if not client_id and not clean_session:
            raise MqttError(Violation.CLIENT_ID_MISSING, "an empty client id needs a clean session")
        return cls(
            client_id=client_id,
            keep_alive=keep_alive,
            clean_session=clean_session,
            will=_will(fields, flags) if flags & _ConnectFlag.WILL else None,
            username=fields.binary() if flags & _ConnectFlag.USERNAME else None,
            password=fields.binary() if flags & _ConnectFlag.PASSWORD else None,
        )

    def _body(self) -> bytes:
        flags = _ConnectFlag.CLEAN_SESSION if self.clean_session else 0
        payload = pack_text(self.client_id)
        if self.will is not None:
            flags |= _ConnectFlag.WILL | self.will.qos << _WILL_QOS_SHIFT
            flags |= _ConnectFlag.WILL_RETAIN if self.will.retain else 0
            payload += pack_text(self.will.topic) + pack_binary(self.will.payload)
        if self.username is not None:
            flags |= _ConnectFlag.USERNAME
            payload += pack_binary(self.username)
        if self.password is not None:
            flags |= _ConnectFlag.PASSWORD
            payload += pack_binary(self.password)
        header = pack_binary(_PROTOCOL_NAME) + bytes((PROTOCOL_LEVEL, flags)) + pack_uint16(self.keep_alive)
        return header + payload


@dataclass(frozen=True, slots=True)
class Connack(BasePacket):
    """The server's answer to CONNECT."""

    TYPE = PacketType.CONNACK

    code: ConnectCode = ConnectCode.ACCEPTED
    session_present: bool = False

    @classmethod
    def _decode(cls, fields: Fields) -> Self:
        flags, code = fields.byte(), fields.byte()
        if flags > 1 or code > max(ConnectCode):
            raise MqttError(Violation.FLAGS_INVALID, f"CONNACK with flags {flags:#x} and code {code}")
        return cls(ConnectCode(code), bool(flags))

    def _body(self) -> bytes:
        return bytes((self.session_present, self.code))


def _check_protocol(name: bytes, level: int) -> None:
    if name not in {_PROTOCOL_NAME, _OLD_PROTOCOL_NAME}:
        raise MqttError(Violation.PROTOCOL_NAME_INVALID, f"protocol name {name[:20]!r}, expected {_PROTOCOL_NAME!r}")
    if (name, level) != (_PROTOCOL_NAME, PROTOCOL_LEVEL):
        raise MqttError(Violation.PROTOCOL_UNSUPPORTED, f"protocol {name!r} level {level}, only MQTT 3.1.1 is spoken")


def _connect_flags(flags: int) -> int:
    if flags & _ConnectFlag.RESERVED:
        raise MqttError(Violation.FLAGS_INVALID, "the reserved CONNECT flag is set")
    if flags & _ConnectFlag.PASSWORD and not flags & _ConnectFlag.USERNAME:
        raise MqttError(Violation.FLAGS_INVALID, "a password without a user name")
    if flags & _WILL_DETAILS and not flags & _ConnectFlag.WILL:
        raise MqttError(Violation.FLAGS_INVALID, "QoS or retain of a Will that is not there")
    return flags


def _will(fields: Fields, flags: int) -> Will:
    qos = check_qos((flags & _WILL_DETAILS) >> _WILL_QOS_SHIFT & 3)
    return Will(fields.text(), fields.binary(), qos, retain=bool(flags & _ConnectFlag.WILL_RETAIN))
