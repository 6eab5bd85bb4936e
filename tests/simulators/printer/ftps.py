"""FTPS servers of printers whose software is their own: a thread for each control connection."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path, PurePosixPath

CHUNK = 256 * 1024
PATIENCE = 30.0
"""Seconds for a data connection to come, and for either side to go on."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a family's FTP server behaves."""

    banner: str
    features: bool
    """FEAT and EPSV are known."""
    zero_address: bool
    """227 names 0.0.0.0: clients must use the control connection's address."""
    reuse_required: bool
    """A data connection must resume the control connection's TLS session (522 otherwise)."""
    clear_data: bool
    """PROT C is accepted."""
    delay: float = 0.0
    """Seconds between the last byte of an upload and the final reply."""
    final: str = "226 Transfer complete."
    """Some printers say 426 of a file that is complete."""
    storage: bool = True
    """Without it uploads are refused with 553."""


ESP = Manner("220 Welcome", features=False, zero_address=True, reuse_required=False, clear_data=True)
LATE = Manner("220 (vsFTPd 3.0.5)", features=True, zero_address=False, reuse_required=True, clear_data=False, delay=2.0)


@dataclass(slots=True)
class FtpServer:
    """One printer's FTPS server. `root` is its storage; `commands` is all it was told, in order."""

    root: Path
    access_code: str
    manner: Manner
    data_ports: range
    commands: list[str] = field(default_factory=list)
    data_ciphers: list[bool] = field(default_factory=list)
    """For each data connection whether it was TLS."""
    _context: ssl.SSLContext | None = None
    _listener: socket.socket | None = None
    _acceptor: threading.Thread | None = None
    _open: set[socket.socket] = field(default_factory=set)
    _off: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sessions: list[threading.Thread] = field(default_factory=list)

    def show(self, context: ssl.SSLContext) -> None:
        """The certificate for connections from now on."""
        self._context = context

    def start(self, listener: socket.socket) -> None:
        """Serve on a listening socket."""
        self._listener = listener
        self._off = False
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Cut everything off, as a printer that is switched off does."""
        if self._listener is not None and self._acceptor is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            # Closed only when nobody accepts from it: its number goes to the next socket.
            self._acceptor.join(PATIENCE)
            self._listener.close()
        with self._lock:
            self._off = True
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._sessions:
            thread.join(PATIENCE)
        self._sessions.clear()

    @contextmanager
    def holding(self, sock: socket.socket) -> Iterator[None]:
        """Know of a socket as long as it is used, so that `stop` can cut it off."""
        with self._lock:
            self._open.add(sock)
            if self._off:  # it was accepted, or shook hands, while `stop` cut the others off
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                raw, _peer = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(raw,), daemon=True)
            self._sessions = [each for each in self._sessions if each.is_alive()] + [thread]
            thread.start()

    def _serve(self, raw: socket.socket) -> None:
        assert self._context is not None
        context = self._context
        raw.settimeout(PATIENCE * 10)
        with self.holding(raw), suppress(OSError, ValueError):
            control = context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
            with self.holding(control):
                control.do_handshake()
                _Conversation(self, control, context).run()


class _Conversation:
    """One control connection."""

    def __init__(self, server: FtpServer, control: ssl.SSLSocket, context: ssl.SSLContext) -> None:
        self._server = server
        self._manner = server.manner
        self._control = control
        self._context = context
        self._folder = PurePosixPath("/")
        self._user = ""
        self._logged_in = False
        self._secret = False
        self._renaming: Path | None = None
        self._passive: socket.socket | None = None

    def run(self) -> None:
        """Talk until the client leaves."""
        try:
            self._say(self._manner.banner)
            for line in self._lines():
                verb, _, argument = line.partition(" ")
                verb = verb.upper()
                self._server.commands.append(verb if verb == "PASS" else f"{verb} {argument}".strip())
                if verb == "QUIT":
                    self._say("221 Goodbye.")
                    return
                self._obey(verb, argument)
        finally:
            self._close_passive()

    def _lines(self) -> Iterator[str]:
        with self._control.makefile("rb") as stream:
            while line := stream.readline(4096):
                yield line.decode(errors="replace").rstrip("\r\n")

    def _say(self, text: str) -> None:
        self._control.sendall(text.encode() + b"\r\n")

    def _obey(self, verb: str, argument: str) -> None:
        before_login: dict[str, Callable[[str], None]] = {
            "USER": self._user_named,
            "PASS": self._password,
            "PBSZ": lambda _: self._say("200 PBSZ set to 0."),
            "PROT": self._protect,
            "SYST": lambda _: self._say("215 UNIX Type: L8"),
        }
        after_login: dict[str, Callable[[str], None]] = {
            "PWD": lambda _: self._say(f'257 "{self._folder}" is the current directory'),
            "CWD": self._change,
            "CDUP": lambda _: self._change(".."),
            "TYPE": lambda _: self._say("200 Switching to Binary mode."),
            "NOOP": lambda _: self._say("200 NOOP ok."),
            "PASV": self._pasv,
            "STOR": self._store,
            "RETR": self._retrieve,
            "LIST": lambda text: self._list(text, long=True),
            "NLST": lambda text: self._list(text, long=False),
            "SIZE": self._size,
            "MDTM": self._time,
            "DELE": self._delete,
            "RMD": self._remove_folder,
            "MKD": self._make_folder,
            "RNFR": self._rename_from,
            "RNTO": self._rename_to,
        }
        if self._manner.features:
            before_login["FEAT"] = self._features
            after_login["EPSV"] = self._epsv
        if action := before_login.get(verb):
            action(argument)
        elif verb not in after_login:
            self._say("500 Unknown command." if verb == "MLSD" else "502 Command not implemented.")
        elif not self._logged_in:
            self._say("530 Please login with USER and PASS.")
        else:
            try:
                after_login[verb](argument)
            except FileNotFoundError:
                self._say("550 No such file or directory.")

    # -- login ---------------------------------------------------------------------------------------------------

    def _user_named(self, name: str) -> None:
        self._user = name
        self._say("331 Please specify the password.")

    def _password(self, code: str) -> None:
        self._logged_in = (self._user, code) == ("bblp", self._server.access_code)
        self._say("230 Login successful." if self._logged_in else "530 Login incorrect.")

    def _protect(self, level: str) -> None:
        if level == "C" and not self._manner.clear_data:
            self._say("536 PROT C is not supported.")
            return
        self._secret = level == "P"
        self._say("200 PROT now " + ("Private." if self._secret else "Clear."))

    def _features(self, _: str) -> None:
        self._say("211-Features:\r\n EPSV\r\n PASV\r\n PBSZ\r\n PROT\r\n SIZE\r\n MDTM\r\n UTF8\r\n211 End")

    # -- files ---------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        parts: list[str] = []
        for part in (self._folder / name).parts[1:]:
            if part == "..":
                del parts[-1:]
            else:
                parts.append(part)
        return self._server.root.joinpath(*parts)

    def _change(self, name: str) -> None:
        path = self._path(name)
        if not path.is_dir():
            self._say("550 Failed to change directory.")
            return
        self._folder = PurePosixPath("/", path.relative_to(self._server.root))
        self._say("250 Directory successfully changed.")

    def _size(self, name: str) -> None:
        self._say(f"213 {self._path(name).stat().st_size}")

    def _time(self, name: str) -> None:
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(self._path(name).stat().st_mtime))
        self._say(f"213 {stamp}")

    def _delete(self, name: str) -> None:
        self._path(name).unlink()
        self._say("250 Delete operation successful.")

    def _remove_folder(self, name: str) -> None:
        self._path(name).rmdir()
        self._say("250 Remove directory operation successful.")

    def _make_folder(self, name: str) -> None:
        self._path(name).mkdir(exist_ok=True)
        self._say(f'257 "{name}" created')

    def _rename_from(self, name: str) -> None:
        self._renaming = self._path(name)
        self._renaming.stat()
        self._say("350 Ready for RNTO.")

    def _rename_to(self, name: str) -> None:
        assert self._renaming is not None
        self._renaming.rename(self._path(name))
        self._say("250 Rename successful.")

    # -- data ----------------------------------------------------------------------------------------------------

    def _pasv(self, _: str) -> None:
        port = self._listen()
        if port is None:
            return
        address = "0.0.0.0" if self._manner.zero_address else self._control.getsockname()[0]
        numbers = (*address.split("."), str(port >> 8), str(port & 255))
        self._say(f"227 Entering Passive Mode ({','.join(numbers)}).")

    def _epsv(self, _: str) -> None:
        if (port := self._listen()) is not None:
            self._say(f"229 Entering Extended Passive Mode (|||{port}|)")

    def _listen(self) -> int | None:
        self._close_passive()
        address = self._control.getsockname()[0]
        for port in self._server.data_ports:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((address, port))
                listener.listen(1)
            except OSError:
                listener.close()
                continue
            listener.settimeout(PATIENCE)
            self._passive = listener
            return port
        self._say("425 No free data port.")
        return None

    def _close_passive(self) -> None:
        if self._passive is not None:
            self._passive.close()
            self._passive = None

    @contextmanager
    def _data(self) -> Iterator[socket.socket]:
        """The data connection. The 150 comes before its handshake, for which clients wait."""
        if self._passive is None:
            raise _Failed("425 Use PASV first.")
        with closing(self._passive) as listener:
            self._passive = None
            try:
                raw, _peer = listener.accept()
            except OSError as error:
                raise _Failed("425 Failed to establish connection.") from error
        with self._server.holding(raw):
            raw.settimeout(PATIENCE)
            self._say("150 Ok to send data.")
            self._server.data_ciphers.append(self._secret)
            if not self._secret:
                yield raw
                return
            # Like real ones it takes the end of TCP for the end of a file: clients exist that never send close_notify.
            channel = self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
            with self._server.holding(channel):
                try:
                    channel.do_handshake()
                except OSError as error:
                    raise _Failed("522 SSL connection failed.") from error
                if self._manner.reuse_required and not channel.session_reused:
                    raise _Failed("522 SSL connection failed: session reuse required")
                yield channel

    def _transfer(self, work: Callable[[socket.socket], None]) -> None:
        try:
            with self._data() as channel:
                work(channel)
                if isinstance(channel, ssl.SSLSocket):
                    with suppress(OSError):
                        channel.unwrap()
        except _Failed as failure:
            self._say(failure.reply)
            return
        except OSError:
            self._say("426 Failure reading or writing network stream.")
            return
        time.sleep(self._manner.delay)
        self._say(self._manner.final)

    def _store(self, name: str) -> None:
        if not self._manner.storage:
            self._say("553 Could not create file.")
            return

        def receive(channel: socket.socket) -> None:
            buffer = memoryview(bytearray(CHUNK))
            with self._path(name).open("wb") as file:
                while count := channel.recv_into(buffer):
                    file.write(buffer[:count])

        self._transfer(receive)

    def _retrieve(self, name: str) -> None:
        with self._path(name).open("rb") as file:

            def send(channel: socket.socket) -> None:
                while chunk := file.read(CHUNK):
                    channel.sendall(chunk)

            self._transfer(send)

    def _list(self, argument: str, *, long: bool) -> None:
        name = re.sub(r"^-\w+ ?", "", argument)
        path = self._path(name)
        found = sorted(path.iterdir()) if path.is_dir() else [path]
        lines = "".join(f"{_long(each) if long else each.name}\r\n" for each in found)
        self._transfer(lambda channel: channel.sendall(lines.encode()))


class _Failed(Exception):  # noqa: N818
    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


def _long(path: Path) -> str:
    stat = path.stat()
    kind = "drwxr-xr-x" if path.is_dir() else "-rw-r--r--"
    month, day = formatdate(stat.st_mtime).split()[2:0:-1]
    return f"{kind}    1 0        0        {stat.st_size:>12} {month} {day} 12:00 {path.name}"


def late(delay: float) -> Manner:
    """LATE with another delay."""
    return replace(LATE, delay=delay)
