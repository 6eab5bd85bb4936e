"""Waits until the system runs and says where everything is: the last word of `vprinter up`, and all of `vprinter welcome`."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from vprinter_cli import outlook
from vprinter_cli.console import Console
from vprinter_cli.settings import Settings
from vprinter_cli.welcome import Welcome, render
from vprinter_common import net
from vprinter_common.bus import Bus
from vprinter_common.runtime.settings import NatsSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What differs between a system of processes and one of containers. `ca`: where the CA is, None = on the page."""

    stop: str
    ca: Path | None


async def greet(
    settings: Settings, nats: NatsSettings, console: Console, since: datetime, surroundings: Surroundings
) -> None:
    """Print the block; the first admin token is shown once. `since`: what services said earlier is from another run."""
    data_dir = settings.data_dir.absolute()
    page = _control_url(settings, local=False)
    answers = await outlook.control_answers(_control_url(settings, local=True))
    async with Bus(nats, "vprinter-welcome", CollectorRegistry()) as bus:
        printers = await outlook.settled(bus, since, settings.addresses)
    token_file = data_dir / "control" / "admin-token"
    token = await asyncio.to_thread(_first_token, token_file)
    welcomed = data_dir / ".welcomed"
    first = not await asyncio.to_thread(welcomed.exists)
    console.block(
        render(
            Welcome(
                page=page,
                page_answers=answers,
                token=token,
                token_is_given=settings.admin_token is not None,
                ca=str(surroundings.ca or f"{page}/api/v1/certificate-authority.pem"),
                printers=printers,
                show_codes=first or console.terminal,
                stop=surroundings.stop,
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
