"""`vprinter up`: NATS and all services on this machine, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from vprinter_cli import nats_server, outlook, services
from vprinter_cli.child import Timing
from vprinter_cli.console import Console
from vprinter_cli.settings import Settings
from vprinter_cli.supervisor import kept_running
from vprinter_cli.welcome import Welcome, render
from vprinter_common import net
from vprinter_common.bus import Bus
from vprinter_common.runtime.settings import NatsSettings
from vprinter_common.runtime.tasks import TaskSet

NATS_GRACE = 1.2
"""Seconds for NATS to stop: with the services' 8.5 before it, all is over within 10."""


@dataclass(frozen=True, slots=True)
class Up:
    """The system on this machine."""

    settings: Settings
    console: Console
    environ: dict[str, str]

    async def run(self) -> None:
        """Run until SIGINT or SIGTERM."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop, stop)
        data_dir = self.settings.data_dir.absolute()
        began = datetime.now(UTC)
        async with AsyncExitStack() as stack:
            access = None if self.settings.external_nats else await stack.enter_async_context(self._nats(data_dir))
            ports = services.admin_ports(self.settings.up.admin_port_base)
            programs = services.programs(data_dir, access, ports, self.environ)
            await stack.enter_async_context(kept_running(programs, self.console.say, Timing()))
            tasks = await stack.enter_async_context(TaskSet("up"))
            tasks.spawn(self._welcome(data_dir, access, began), "welcome")
            await stop.wait()

    def _stop(self, stop: asyncio.Event) -> None:
        if not stop.is_set():
            self.console.say("vprinter", "stopping")
            stop.set()

    @asynccontextmanager
    async def _nats(self, data_dir: Path) -> AsyncIterator[services.NatsAccess]:
        wanted = self.settings.up.nats_port
        server = await asyncio.to_thread(nats_server.prepare, data_dir / "nats", wanted, self.environ)
        if wanted not in (0, server.port):
            self.console.say("nats", f"port {wanted} is taken; using {server.port}")
        async with kept_running([server.program], self.console.say, Timing(grace=NATS_GRACE)):
            if not await nats_server.wait_ready(server.port):
                self.console.say("nats", "is not ready yet; the services start all the same and wait for it")
            yield services.NatsAccess(server.url, nats_server.USER, server.password)

    async def _welcome(self, data_dir: Path, access: services.NatsAccess | None, began: datetime) -> None:
        settings = self.settings
        answers = await outlook.control_answers(_control_url(settings, local=True))
        nats = settings.nats
        if access is not None:
            nats = NatsSettings(url=access.url, user=access.user, password=SecretStr(access.password))
        async with Bus(nats, "vprinter-up", CollectorRegistry()) as bus:
            printers = await outlook.settled(bus, began, settings.addresses)
        token_file = data_dir / "control" / "admin-token"
        token = await asyncio.to_thread(_first_token, token_file)
        welcomed = data_dir / ".welcomed"
        first = not await asyncio.to_thread(welcomed.exists)
        self.console.block(
            render(
                Welcome(
                    page=_control_url(settings, local=False),
                    page_answers=answers,
                    token=token,
                    token_is_given=settings.admin_token is not None,
                    ca_file=data_dir / "virtual_printer" / "certs" / "bbl_ca.crt",
                    printers=printers,
                    show_codes=first or self.console.terminal,
                )
            )
        )
        if token is not None:
            await asyncio.to_thread(token_file.unlink)
        await asyncio.to_thread(welcomed.touch)


def _control_url(settings: Settings, *, local: bool) -> str:
    host = settings.control.host
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if local else net.default_address()
    return f"http://{host}:{settings.control.port}"


def _first_token(path: Path) -> str | None:
    """The first admin token, which control leaves there to be shown once."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
