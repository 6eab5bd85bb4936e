"""The slicer's FTPS upload: the dialogue of libcurl over implicit TLS 1.2."""

import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.simulators.gates import Blocked, Gate
from tests.simulators.profiles import DataTls
from tests.simulators.trust import connect_from, secure, slicer_context

CONNECT_TIMEOUT = 10.0
REPLY_TIMEOUT = 60.0
CHUNK = 64 * 1024
UNKNOWN = (500, 502)
"""Replies to a command that the server does not know."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the server."""

    code: int
    text: str


class FtpRefused(Blocked):
    """The server refused; `reply` is what it said."""

    def __init__(self, gate: Gate, detail: str, reply: Reply | None = None) -> None:
        self.reply = reply
        super().__init__(gate, detail)


class FtpsSession:
    """One control connection, one file, as the slicers' plugin does it."""

    def __init__(
        self, address: str, port: int, *, ca_pem: str, serial: str, data_tls: DataTls, source: str | None = None
    ) -> None:
        self._address = address
        self._source = source
        self._data_tls = data_tls
        # The real plugin's library offers 1.3 too; the server must settle for 1.2.
        self._context = slicer_context(ca_pem)
        try:
            raw = connect_from(source, address, port, CONNECT_TIMEOUT)
        except OSError as error:
            raise FtpRefused(Gate.IP_AND_CODE, f"TCP {address}:{port}: {error}") from error
        self._control = secure(raw, self._context, serial)
        self._serial = serial
        self._control.settimeout(REPLY_TIMEOUT)
        self._lines = self._control.makefile("rb")
        self._data: socket.socket | None = None
        self.data_reused: bool | None = None
        try:
            self._be_greeted()
        except FtpRefused:
            self.close()
            raise

    def _be_greeted(self) -> None:
        if (version := self._control.version()) != "TLSv1.2":
            raise FtpRefused(Gate.TRUST, f"the server speaks {version}: uploads would be cut short")
        self._expect(self.reply(), 220)

    @property
    def control(self) -> socket.socket:
        """The control connection, for what no slicer does."""
        return self._control

    @property
    def data(self) -> socket.socket:
        """The open data connection."""
        assert self._data is not None, "begin_store comes first"
        return self._data

    # -- control -------------------------------------------------------------------------------------------------

    def reply(self) -> Reply:
        """The next reply, multi-line ones included."""
        line = self._line()
        text = [line[4:]]
        if line[3:4] == "-":
            while not (more := self._line()).startswith(line[:3] + " "):
                text.append(more)
            text.append(more[4:])
        return Reply(int(line[:3]), "\n".join(text))

    def command(self, line: str, *expected: int) -> Reply:
        """Send a command and take its reply; FtpRefused when it is none of `expected`."""
        self._control.sendall(line.encode() + b"\r\n")
        return self._expect(self.reply(), *expected, about=line.partition(" ")[0])

    def _line(self) -> str:
        try:
            line = self._lines.readline()
        except OSError as error:
            raise FtpRefused(Gate.UPLOAD, f"no reply: {error}") from error
        if not line.endswith(b"\r\n"):
            raise FtpRefused(Gate.UPLOAD, f"the server closed the control connection after {line!r}")
        return line[:-2].decode()

    @staticmethod
    def _expect(reply: Reply, *expected: int, about: str = "") -> Reply:
        if expected and reply.code not in expected:
            gate = Gate.IP_AND_CODE if reply.code == 530 else Gate.UPLOAD
            raise FtpRefused(gate, f"{about}: {reply.code} {reply.text}", reply)
        return reply

    # -- the dialogue --------------------------------------------------------------------------------------------

    def login(self, user: str, password: str) -> None:
        """USER to PROT P."""
        self.command(f"USER {user}", 331)
        self.command(f"PASS {password}", 230)
        self.command("PBSZ 0", 200)
        self.command("PROT P", 200)

    def store(self, name: str, content: bytes, *, folder: str = "") -> Reply:
        """PWD, CWD where needed, EPSV, TYPE I, STOR, the bytes, and the final reply (226)."""
        self.command("PWD", 257)
        if folder:
            self.command(f"CWD {folder}", 250)
        self.begin_store(name)
        return self.finish_store(content)

    def begin_store(self, name: str) -> None:
        """EPSV, TYPE I and STOR up to the 150 and the handshake after it; the bytes may follow."""
        self._data = self._open_data()
        self.command("TYPE I", 200)
        self.command(f"STOR {name}", 125, 150)
        self._handshake(self._data)

    def finish_store(self, content: bytes) -> Reply:
        """The bytes, their end, and the final reply."""
        try:
            self.write(content)
            self.finish_data()
        except OSError as error:
            # The server may refuse mid-way (disk full, too large): then its reply says more than our broken pipe.
            refusal = self.reply()
            raise FtpRefused(Gate.UPLOAD, f"{error}; {refusal.code} {refusal.text}", refusal) from error
        return self.stored()

    def write(self, content: bytes | memoryview) -> None:
        """Some of the file."""
        assert self._data is not None, "begin_store comes first"
        self._data.sendall(content)

    def finish_data(self) -> None:
        """The end of the file: close_notify both ways where there is TLS, then close."""
        assert self._data is not None, "begin_store comes first"
        with self._data as channel:
            if isinstance(channel, ssl.SSLSocket):
                channel.unwrap()
        self._data = None

    def abandon_data(self) -> None:
        """Close the data connection without a word, as a slicer that is killed does."""
        assert self._data is not None, "begin_store comes first"
        self._data.close()
        self._data = None

    def stored(self) -> Reply:
        """The final reply: 226, or FtpRefused."""
        return self._expect(self.reply(), 226, about="STOR")

    def _open_data(self) -> socket.socket:
        """EPSV, or PASV where it is unknown, and the TCP connection; an early ClientHello's TLS waits for its answer.

        The address in a 227 is not used, as libcurl does not: the printer is where the control connection goes.
        """
        reply = self.command("EPSV", 229, *UNKNOWN)
        if reply.code in UNKNOWN:
            reply = self.command("PASV", 227)
        if extended := re.search(r"\(\|\|\|(\d+)\|\)", reply.text):
            port = int(extended[1])
        elif passive := re.search(r"\d+,\d+,\d+,\d+,(\d+),(\d+)", reply.text):
            port = int(passive[1]) << 8 | int(passive[2])
        else:
            raise FtpRefused(Gate.UPLOAD, f"no port in {reply.text!r}", reply)
        sock = connect_from(self._source, self._address, port, CONNECT_TIMEOUT)
        if self._data_tls is DataTls.ON_CONNECT:
            return self._client_hello(sock)
        return sock

    def _wrap(self, sock: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(
            sock, server_hostname=self._serial, session=self._control.session, do_handshake_on_connect=False
        )

    def _client_hello(self, sock: socket.socket) -> ssl.SSLSocket:
        wrapped = self._wrap(sock)
        wrapped.setblocking(False)
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            wrapped.do_handshake()
        return wrapped

    def _handshake(self, sock: socket.socket) -> None:
        """Make the data channel what this slicer wants, after the 150."""
        if self._data_tls is DataTls.NEVER:
            sock.settimeout(REPLY_TIMEOUT)
            return
        wrapped = sock if isinstance(sock, ssl.SSLSocket) else self._wrap(sock)
        self._data = wrapped
        wrapped.settimeout(REPLY_TIMEOUT)
        wrapped.do_handshake()
        self.data_reused = wrapped.session_reused

    def quit(self) -> None:
        """QUIT and the goodbye."""
        self.command("QUIT", 221)

    def close(self) -> None:
        """Close without a word."""
        if self._data is not None:
            self._data.close()
        self._lines.close()
        self._control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
