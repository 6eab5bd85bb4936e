"""A client that does what it is told, byte by byte: blocking, so tests call it in a thread."""

import ftplib
import re
import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.common.printers import CODE

TIMEOUT = 60.0


def client_context(ca_file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca_file))
    context.check_hostname = False
    return context


class RawClient:
    """One control connection."""

    def __init__(self, port: int, ca_file: Path, address: str = "127.0.0.1", source: str | None = None) -> None:
        self.context = client_context(ca_file)
        self.address = address
        self.source = source
        raw = socket.create_connection((address, port), TIMEOUT, (source, 0) if source else None)
        self.control = self.context.wrap_socket(raw)
        self.lines = self.control.makefile("rb")

    def reply(self) -> str:
        """The last line of the next reply, without its end; empty when the server has closed."""
        line = self.lines.readline().decode().rstrip()
        if line[3:4] == "-":
            while not (more := self.lines.readline().decode().rstrip()).startswith(line[:3] + " "):
                pass
            return more
        return line

    def send(self, line: str | bytes) -> None:
        self.control.sendall((line.encode() if isinstance(line, str) else line) + b"\r\n")

    def command(self, line: str | bytes) -> str:
        self.send(line)
        return self.reply()

    def code(self, line: str | bytes) -> int:
        return int(self.command(line)[:3])

    def login(self, code: str = CODE, prot: str | None = "P") -> Self:
        assert self.reply().startswith("220")
        assert self.code("USER bblp") == 331
        assert self.code(f"PASS {code}") == 230
        if prot:
            assert self.code("PBSZ 0") == 200
            assert self.code(f"PROT {prot}") == 200
        return self

    def epsv(self) -> int:
        found = re.search(r"\(\|\|\|(\d+)\|\)", self.command("EPSV"))
        assert found
        return int(found[1])

    def connect_data(self, source: str | None = None) -> socket.socket:
        """EPSV and the TCP connection to where it leads."""
        port = self.epsv()
        source = source or self.source
        return socket.create_connection((self.address, port), TIMEOUT, (source, 0) if source else None)

    def secure(self, data: socket.socket, *, resume: bool = True) -> ssl.SSLSocket:
        return self.context.wrap_socket(data, session=self.control.session if resume else None)

    def store(self, name: str, content: bytes) -> str:
        """The whole dialogue of a slicer; the last reply."""
        data = self.connect_data()
        first = self.command(f"STOR {name}")
        if not first.startswith("150"):
            data.close()
            return first
        with self.secure(data) as secured:
            secured.sendall(content)
            secured.unwrap()
        return self.reply()

    def fetch(self, line: str) -> tuple[bytes, str]:
        """RETR, LIST and the like over TLS: the content and the last reply."""
        data = self.connect_data()
        first = self.command(line)
        if not first.startswith("150"):
            data.close()
            return b"", first
        content = b""
        with self.secure(data) as secured:
            while piece := secured.recv(65536):
                content += piece
            secured.unwrap()
        return content, self.reply()

    def close(self) -> None:
        self.lines.close()
        self.control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ImplicitFtp(ftplib.FTP_TLS):
    """The standard library's client over implicit TLS; `resume` is what real printers demand."""

    def __init__(self, context: ssl.SSLContext, *, resume: bool) -> None:
        super().__init__(context=context, timeout=TIMEOUT)
        self._resume = resume
        self.use_epsv = True

    def makepasv(self) -> tuple[str, int]:
        """EPSV is what ftplib speaks over IPv6, PASV over IPv4; here either is spoken over IPv4."""
        if not self.use_epsv:
            return super().makepasv()
        _, port = ftplib.parse229(self.sendcmd("EPSV"), ("127.0.0.1", 0))
        return self.host, port

    def connect(self, host: str = "", port: int = 0, *_: Any, **__: Any) -> str:
        self.host, self.port = host, port
        raw = socket.create_connection((host, port), TIMEOUT)
        self.af = raw.family
        self.sock = self.context.wrap_socket(raw)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if self._resume and isinstance(self.sock, ssl.SSLSocket) else None
        return self.context.wrap_socket(connection, session=session), size
