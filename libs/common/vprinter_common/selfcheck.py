"""What only a host itself knows: who has its ports, where they are redirected, its addresses, the room on its disks."""

import asyncio
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from vprinter_common import net
from vprinter_common.contracts.requests import PortHolder, PortRedirect, SelfCheck, StorageRoom
from vprinter_common.wire import detect

SLICER_PORTS = frozenset({detect.PLAIN_PORT, detect.TLS_PORT, 990, 8883})
"""The TCP ports that slicers connect to first."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A directory that a service writes to. `needed`: bytes that must be free there."""

    what: str
    path: Path
    needed: int = 0


async def look(
    service: str,
    node: str,
    problems: Sequence[str],
    *,
    ports: Collection[int] = (),
    storage: Iterable[Storage] = (),
    only: Sequence[str] = (),
) -> SelfCheck:
    """A service's word about itself and its host. `ports`: those of interest besides the usual ones."""
    interfaces = await net.AddressWatch(only=only).look()
    redirects = await asyncio.to_thread(net.redirects)
    wanted = {*ports, *SLICER_PORTS, *(each.to_port for each in redirects or ())}
    holders = await asyncio.to_thread(net.port_holders, wanted)
    rooms = [await asyncio.to_thread(_room, each) for each in storage]
    return SelfCheck(
        service=service,
        node=node,
        ready=not problems,
        problems=tuple(problems),
        version=version("vprinter-common"),
        pid=os.getpid(),
        addresses=tuple(str(own) for interface in interfaces for own in interface.addresses),
        holders=tuple(PortHolder(**asdict(each)) for each in holders),
        redirects=None if redirects is None else tuple(PortRedirect(**asdict(each)) for each in redirects),
        storage=tuple(rooms),
    )


def _room(storage: Storage) -> StorageRoom:
    path = storage.path.absolute()
    try:
        space = os.statvfs(path)
    except OSError as error:
        return StorageRoom(what=storage.what, path=str(path), needed=storage.needed, error=error.strerror)
    writable = os.access(path, os.W_OK | os.X_OK) and not space.f_flag & os.ST_RDONLY
    return StorageRoom(
        what=storage.what,
        path=str(path),
        needed=storage.needed,
        free=space.f_bavail * space.f_frsize,
        error=None if writable else "it cannot be written to",
    )
