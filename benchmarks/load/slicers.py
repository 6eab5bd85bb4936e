"""Many slicers that listen: one line of JSON `[[address, port, topic], …]` on standard input makes them connect.

Says "ready" when all are subscribed. Each further line is a number of seconds to watch; the answer is one line of JSON:
for each slicer `[[monotonic seconds, sequence id], …]` of its reports. `access code` is the only argument.
"""

import asyncio
import json
import re
import ssl
import sys
import time

from vprinter_common.access import USER
from vprinter_common.wire.mqtt_packets import Connect, PacketReader, PacketType, Subscribe, Subscription

AT_ONCE = 20
PATIENCE = 30.0
_SEQUENCE = re.compile(rb'"sequence_id":\s*"(\d+)"')


class Listener(asyncio.Protocol):
    """One slicer."""

    def __init__(self, number: int, topic: str, code: str) -> None:
        self._number = number
        self._topic = topic
        self._code = code
        self._reader = PacketReader(1 << 20)
        self._transport: asyncio.Transport | None = None
        self.subscribed = asyncio.get_running_loop().create_future()
        self.reports: list[tuple[float, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Log in."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = f"slicer-{self._number}"
        transport.write(Connect(name, username=USER.encode(), password=self._code.encode(), keep_alive=600).encode())

    def data_received(self, data: bytes) -> None:
        """Count reports."""
        now = time.monotonic()
        self._reader.feed(data)
        while (packet := self._reader.next_packet()) is not None:
            match packet.type_code:
                case PacketType.CONNACK:
                    assert self._transport is not None
                    self._transport.write(Subscribe(1, (Subscription(self._topic, 0),)).encode())
                case PacketType.SUBACK:
                    self.subscribed.set_result(None)
                case PacketType.PUBLISH:
                    found = _SEQUENCE.search(packet.body)
                    self.reports.append((now, int(found[1]) if found else -1))

    def connection_lost(self, exc: Exception | None) -> None:
        """None of these slicers goes by itself."""
        sys.exit(f"the server closed slicer {self._number}: {exc}")


async def main() -> None:
    """Connect, then watch as often as asked."""
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    turns = asyncio.Semaphore(AT_ONCE)

    async def connect(number: int, address: str, port: int, topic: str) -> Listener:
        async with turns, asyncio.timeout(PATIENCE):
            make = lambda: Listener(number, topic, sys.argv[1])  # noqa: E731 - a factory
            _transport, listener = await loop.create_connection(make, address, port, ssl=context)
            await listener.subscribed
            return listener

    places = json.loads(await asyncio.to_thread(sys.stdin.readline))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(connect(number, *place)) for number, place in enumerate(places)]
    listeners = [task.result() for task in tasks]
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        for listener in listeners:
            listener.reports.clear()
        await asyncio.sleep(float(line))
        print(json.dumps([listener.reports for listener in listeners]), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
