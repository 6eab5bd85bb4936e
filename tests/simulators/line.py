"""A long, lossy line: two TUN devices, and a thread that carries packets from one to the other late, or not at all."""

import fcntl
import heapq
import os
import random
import select
import struct
import threading
import time
from types import TracebackType
from typing import Self

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MTU = 1500


def tun(name: str) -> int:
    """A TUN device in the namespace of the calling thread; packets written to and read from the descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return descriptor


class Line:
    """The line between two TUN devices, `delay` seconds long each way; of all packets the part `loss` is lost."""

    def __init__(self, one: int, other: int, *, delay: float, loss: float) -> None:
        self._peer = {one: other, other: one}
        self._delay = delay
        self._loss = loss
        self._chance = random.Random(1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="line", daemon=True)
        self.carried = self.lost = 0

    def _carry(self) -> None:
        under_way: list[tuple[float, int, int, bytes]] = []
        while not self._stop.is_set():
            wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else 0.2
            for end in select.select(list(self._peer), [], [], wait)[0]:
                packet = os.read(end, _MTU + 100)
                if self._chance.random() < self._loss:
                    self.lost += 1
                    continue
                self.carried += 1
                heapq.heappush(under_way, (time.monotonic() + self._delay, self.carried, self._peer[end], packet))
            while under_way and under_way[0][0] <= time.monotonic():
                _due, _number, end, packet = heapq.heappop(under_way)
                os.write(end, packet)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(30)  # or it would carry on with descriptors that are others' by then
        for end in self._peer:
            os.close(end)
