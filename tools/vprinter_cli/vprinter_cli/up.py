"""`vprinter up`: NATS and all services on this machine, until Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vprinter_cli import nats_server, services
from vprinter_cli.child import Timing
from vprinter_cli.console import Console
from vprinter_cli.greeting import Surroundings, greet
from vprinter_cli.settings import Settings
from vprinter_cli.supervisor import kept_running
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
            tasks.spawn(self._welcome(access, began), "welcome")
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

    async def _welcome(self, access: services.NatsAccess | None, began: datetime) -> None:
        nats = access.settings() if access else self.settings.nats
        ca = self.settings.data_dir.absolute() / "virtual_printer" / "certs" / "bbl_ca.crt"
        await greet(self.settings, nats, self.console, began, Surroundings("Ctrl-C stops it.", ca))
