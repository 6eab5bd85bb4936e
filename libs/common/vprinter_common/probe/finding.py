"""The slicer's first questions: detect (TCP 3000 and 3002), and announcements heard on UDP 2021."""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from vprinter_common.probe.dial import Handshake, Place, dial
from vprinter_common.probe.obstacle import Obstacle, Obstructed, obstacles
from vprinter_common.wire import ssdp
from vprinter_common.wire.detect import (
    DetectError,
    DetectRequest,
    FrameReader,
    Identity,
    detect_request,
    parse_reply,
)

ANSWER_WITHIN = 3.0
QUIET = 0.1
"""Seconds of rest after an error of the socket."""
SEARCH = (
    f'M-SEARCH * HTTP/1.1\r\nHOST: {ssdp.GROUP}:1990\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: {ssdp.URN}\r\n\r\n'
).encode()


async def ask_who(
    place: Place, context: ssl.SSLContext | None = None, within: float = ANSWER_WITHIN
) -> tuple[Identity, Handshake | None]:
    """Ask the printer who it is, over TLS if a context is given; raises Obstructed."""
    with obstacles(str(place), garbage=(DetectError,)):
        async with await dial(place, context) as line, asyncio.timeout(within):
            line.writer.write(detect_request(DetectRequest()))
            frames = FrameReader()
            while (payload := frames.next_frame()) is None:
                data = await line.reader.read(4096)
                if not data:
                    raise Obstructed(Obstacle.CLOSED, f"{place} ended the connection without an answer")
                frames.feed(data)
            return parse_reply(payload), line.handshake if context else None


async def hear(serial: str, hosts: Iterable[str], port: int, within: float) -> ssdp.Announcement | None:
    """The next announcement of a printer among broadcasts to these addresses; None if there is none in time.

    Bound to the broadcast addresses and not to all: searches that are sent to this host alone are left to whoever
    else has the port. Raises Obstructed if the port cannot be had.
    """
    with obstacles(f"UDP {port}"), _ears(set(hosts), port) as ears:
        with suppress(TimeoutError):
            async with asyncio.timeout(within), asyncio.TaskGroup() as group:
                listening = [group.create_task(_listen(ear, serial)) for ear in ears]
                done, _ = await asyncio.wait(listening, return_when=asyncio.FIRST_COMPLETED)
                for task in listening:
                    task.cancel()
                return done.pop().result()
        return None


async def search(serial: str, place: Place, within: float) -> ssdp.Announcement | None:
    """What a printer answers to a search that is sent to it alone; None if it is silent."""
    loop = asyncio.get_running_loop()
    with obstacles(f"UDP {place}"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setblocking(False)
        await loop.sock_sendto(asker, SEARCH, (place.address, place.port))
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                return await _listen(asker, serial)
        return None


async def _listen(ear: socket.socket, serial: str) -> ssdp.Announcement:
    loop = asyncio.get_running_loop()
    while True:
        try:
            datagram = await loop.sock_recv(ear, ssdp.MAX_DATAGRAM + 1)
        except OSError:  # an interface went down, or nobody was there to be asked
            await asyncio.sleep(QUIET)
            continue
        match ssdp.parse(datagram):
            case ssdp.Alive(said) | ssdp.SearchResponse(said) if said.serial == serial:
                return said


@contextmanager
def _ears(hosts: Iterable[str], port: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        ears = []
        for host in hosts:
            ear = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            ear.setblocking(False)
            ear.bind((host, port))
            ears.append(ear)
        yield ears
