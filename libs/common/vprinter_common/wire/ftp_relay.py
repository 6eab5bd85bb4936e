"""The control dialogue between an FTP client and a server, as one in the middle sees it. RFC 959, 2428, 4217.

One command is under way at a time: `command` is given a line of the client only when `accepts` has said so, and a flood of
lines waits in the network. While a transfer runs, only ABOR is accepted. What is returned is to be done in order:

- `ToPrinter`, `ToClient`: send these bytes;
- `Begin`: the transfer's command is on its way to the server, so its data may flow;
- `Connect`: the server listens for data at this port; open a way to it, then call `opened` or `not_opened`;
- `End`: the server's last word on the transfer; when the data has ended, too, call `ended`.

Replies pass as they are, but for the three that name the server's address or port.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from vprinter_common.wire import ftp

MAX_REPLY = 256 * 1024
"""Bytes of one reply; STAT of a folder answers with its files."""


class Direction(StrEnum):
    """Which way a transfer's data flows."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


class Leave(StrEnum):
    """What a client may do; each includes those before it."""

    LOOK = "look"
    """Log in and look around, without any transfer."""
    FILES = "files"
    """Send, list, read and delete files."""
    ALL = "all"
    """Also what is not known here."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A command that moves data."""

    verb: str
    argument: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class ToPrinter:
    """Bytes for the server."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ToClient:
    """Bytes for the client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Connect:
    """The server listens for data at its port."""

    port: int


@dataclass(frozen=True, slots=True)
class Begin:
    """A transfer's command is on its way."""

    transfer: Transfer


@dataclass(frozen=True, slots=True)
class End:
    """A transfer has its last reply from the server; `succeeded` is what that says."""

    transfer: Transfer
    succeeded: bool


Action = ToPrinter | ToClient | Connect | Begin | End

_LOOK = frozenset(
    [
        "USER",
        "PASS",
        "ACCT",
        "REIN",
        "QUIT",
        "NOOP",
        "SYST",
        "FEAT",
        "OPTS",
        "HELP",
        "CLNT",
        "LANG",
        "PBSZ",
        "PROT",
        "TYPE",
        "MODE",
        "STRU",
        "ALLO",
        "PWD",
        "XPWD",
        "CWD",
        "XCWD",
        "CDUP",
        "XCUP",
        "SIZE",
        "MDTM",
        "AVBL",
        "ABOR",
    ]
)
_FILES = _LOOK | frozenset(
    ["PASV", "EPSV", "REST", "RNFR", "RNTO", "DELE", "MKD", "XMKD", "RMD", "XRMD", "STAT", "MLST", "MFMT"]
)
_DIRECTIONS = {
    **dict.fromkeys(("STOR", "APPE", "STOU"), Direction.UPLOAD),
    **dict.fromkeys(("RETR", "LIST", "NLST", "MLSD"), Direction.DOWNLOAD),
}
CHANGES = frozenset(["STOR", "APPE", "STOU", "DELE", "RNFR", "RNTO", "MKD", "XMKD", "RMD", "XRMD", "MFMT", "SITE"])
"""What changes something at the printer."""
_REFUSED = {
    **dict.fromkeys(("PORT", "EPRT", "LPRT", "LPSV", "CPSV", "SPSV"), (502, "data connections: EPSV or PASV only")),
    **dict.fromkeys(
        ("AUTH", "CCC", "ADAT", "CONF", "ENC", "MIC"), (503, "this connection has been TLS from the start")
    ),
}
_PASSIVE = (227, 228, 229)
_NO_DATA_PORT = "the printer's data port is not to be reached"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the server: its code, the text of its last line, and all its bytes."""

    code: int
    text: str
    data: bytes


class Lines:
    """Bytes into lines, each with its end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are complete now; raises FtpSyntaxError at one that is too long."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if len(line) >= self._limit:
                raise ftp.FtpSyntaxError(f"a line of more than {self._limit} bytes")
            yield line + b"\n"
        if len(self._rest) >= self._limit:
            raise ftp.FtpSyntaxError(f"a line of more than {self._limit} bytes")


class Replies:
    """Lines of a server into replies."""

    def __init__(self) -> None:
        self._open = b""
        self._data = b""

    def feed(self, line: bytes) -> Reply | None:
        """The reply that this line completes; raises FtpSyntaxError if it belongs to none."""
        self._data += line
        if len(self._data) > MAX_REPLY:
            raise ftp.FtpSyntaxError(f"a reply of more than {MAX_REPLY} bytes")
        code, mark = line[:3], line[3:4]
        if not self._open:
            if not (code.isdigit() and len(code) == 3 and b"1" <= code[:1] <= b"5"):
                raise ftp.FtpSyntaxError(f"{line[:60]!r} is no FTP reply")
            if mark == b"-":
                self._open = code
        if self._open and (code != self._open or mark != b" "):
            return None
        data, self._data, self._open = self._data, b"", b""
        return Reply(int(code), line[4:].decode(errors="replace").rstrip(), data)


@dataclass(slots=True)
class _Awaited:
    """A command whose last reply is not here yet."""

    verb: str
    transfer: Transfer | None = None
    began: bool = False
    """A preliminary reply has come."""


class Dialogue:
    """One control connection. `leave` is asked for each command, for it may change under way."""

    def __init__(self, address: Callable[[], IPv4Address], leave: Callable[[], Leave]) -> None:
        self._address = address
        """What 227 tells the client."""
        self._leave = leave
        self._awaited: list[_Awaited] = [_Awaited("greeting")]
        self._protection = self._asked_protection = False
        self._passive: Reply | None = None
        self._ending: tuple[Transfer, Reply] | None = None

    def accepts(self, line: bytes) -> bool:
        """Whether the client's next line may be taken now: nothing is under way, or a transfer that it wants to end."""
        if self._passive is not None or self._ending is not None:
            return False
        match self._awaited:
            case []:
                return True
            case [_Awaited(transfer=Transfer(), began=True)]:
                return ftp.clean_line(line).upper() == b"ABOR"
            case _:
                return False

    @property
    def is_private(self) -> bool:
        """Whether the server wants TLS on its data connections: what it agreed to last."""
        return self._protection

    def command(self, line: bytes) -> list[Action]:
        """A line of the client that was accepted. Raises FtpSyntaxError."""
        command = ftp.parse_command(line)
        if (refusal := self._refusal(command.verb)) is not None:
            return [ToClient(refusal)]
        transfer = None
        if (direction := _DIRECTIONS.get(command.verb)) is not None:
            transfer = Transfer(command.verb, command.argument, direction)
        if command.verb == "PROT":
            self._asked_protection = command.argument.strip().upper() == "P"
        self._awaited.append(_Awaited(command.verb, transfer))
        passed = ToPrinter(ftp.clean_line(line) + b"\r\n")
        return [passed] if transfer is None else [passed, Begin(transfer)]

    def reply(self, reply: Reply) -> list[Action]:
        """What the server said. Raises FtpSyntaxError if nothing was asked."""
        if reply.code == 421 and not self._awaited:  # its time limit
            return [ToClient(reply.data)]
        if not self._awaited:
            raise ftp.FtpSyntaxError(f"a reply that nobody asked for: {reply.text[:60]!r}")
        awaited = self._awaited[0]
        if reply.code < 200:
            awaited.began = True
            return [ToClient(reply.data)]
        del self._awaited[0]
        if reply.code in _PASSIVE:
            return self._passive_reply(reply)
        if awaited.verb == "PROT" and reply.code < 300:
            self._protection = self._asked_protection
        if awaited.transfer is None:
            return [ToClient(reply.data)]
        self._ending = (awaited.transfer, reply)
        return [End(awaited.transfer, reply.code < 300)]

    def opened(self, port: int) -> list[Action]:
        """There is a way to the server's data port, for the client at this port."""
        asked, self._passive = self._passive, None
        assert asked is not None  # noqa: S101 - `Connect` came before
        if asked.code == 229:
            return [ToClient(ftp.epsv_reply(port))]
        return [ToClient(ftp.pasv_reply(self._address(), port))]

    def not_opened(self, reason: str) -> list[Action]:
        """There is none."""
        self._passive = None
        return [ToClient(ftp.reply(425, reason))]

    def ended(self, failure: str | None) -> list[Action]:
        """The data has ended, too; `failure` says why it did not arrive, whatever the server says of it."""
        assert self._ending is not None  # noqa: S101 - `End` came before
        (_, reply), self._ending = self._ending, None
        if failure is not None and reply.code < 300:
            return [ToClient(ftp.reply(426, failure))]
        return [ToClient(reply.data)]

    def _refusal(self, verb: str) -> bytes | None:
        if verb in _REFUSED:
            return ftp.reply(*_REFUSED[verb])
        match self._leave():
            case Leave.ALL:
                return None
            case Leave.FILES if verb in _FILES or verb in _DIRECTIONS:
                return None
            case Leave.LOOK if verb in _LOOK:
                return None
            case leave:
                may = "only be looked at" if leave is Leave.LOOK else "only be sent files"
                return ftp.reply(550, f"{verb} is not allowed: through this proxy the printer may {may}")

    def _passive_reply(self, reply: Reply) -> list[Action]:
        try:
            port = ftp.parse_epsv(reply.text) if reply.code == 229 else ftp.parse_pasv(reply.text)[1]
        except ftp.FtpSyntaxError:
            return [ToClient(ftp.reply(425, _NO_DATA_PORT))]
        self._passive = reply
        return [Connect(port)]
