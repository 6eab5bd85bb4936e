"""How many connections the API takes, in all and from one address: the others are closed before they cost anything."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Network

import structlog
from aiohttp import web

from vprinter_control.api.caller import is_one_of

log = structlog.get_logger()

MAX_CONNECTIONS = 1024
MAX_PER_ADDRESS = 256
"""A browser opens six; behind Docker's bridge or NAT many share one address. Trusted proxies are not counted alone."""


class Door:
    """Counts connections by the address that they come from."""

    def __init__(self, proxies: Sequence[IPv4Network] = ()) -> None:
        self._proxies = proxies
        self._open: Counter[str] = Counter()

    def admit(self, address: str) -> bool:
        """Count a connection unless there are too many; an admitted one must leave."""
        full = self._open[address] >= MAX_PER_ADDRESS and not is_one_of(self._proxies, address)
        if full or self._open.total() >= MAX_CONNECTIONS:
            log.debug("connection_refused", peer=address, open=self._open[address])
            return False
        self._open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """A connection has ended."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


class _Doorway(asyncio.Protocol):
    """Stands before aiohttp's protocol and lets it begin only if the door admits the connection."""

    def __init__(self, door: Door, behind: asyncio.Protocol) -> None:
        self._door = door
        self._behind = behind
        self._admitted: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or close it."""
        address = str((transport.get_extra_info("peername") or ("unknown",))[0])
        if not self._door.admit(address):
            transport.close()
            return
        self._admitted = address
        self._behind.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand on."""
        if self._admitted is not None:
            self._behind.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on."""
        return self._behind.eof_received() if self._admitted is not None else None

    def pause_writing(self) -> None:
        """Hand on."""
        if self._admitted is not None:
            self._behind.pause_writing()

    def resume_writing(self) -> None:
        """Hand on."""
        if self._admitted is not None:
            self._behind.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on, and make room."""
        if self._admitted is not None:
            self._door.leave(self._admitted)
            self._behind.connection_lost(exc)


class GuardedSite(web.BaseSite):
    """A listening socket with a door before it."""

    def __init__(self, runner: web.AppRunner, door: Door, host: str, port: int) -> None:
        super().__init__(runner)
        self._door = door
        self._host = host
        self._port = port

    @property
    def name(self) -> str:
        """Where it is."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen; raises OSError."""
        await super().start()
        server = self._runner.server
        assert server is not None  # noqa: S101 - the runner is set up before a site is made
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Doorway(self._door, server()), self._host, self._port, backlog=self._backlog
        )
