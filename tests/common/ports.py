"""Ports that nobody uses, and that nobody will take before they are used."""

import itertools
import random
import socket
from functools import cache

# Above the ephemeral range: no client's own socket can take one between the probe and the start, or while a server is away.
_FIRST, _LAST, _COUNT = 61_000, 65_499, 250


@cache
def slice_number() -> int:
    """Which slice of the ports is this process's own; other workers, and other runs on this machine, have others."""
    slices = range((_LAST + 1 - _FIRST) // _COUNT)
    return next(number for number in random.sample(slices, len(slices)) if claim(f"slice-{number}"))


@cache
def _own() -> "itertools.cycle[int]":
    begin = _FIRST + slice_number() * _COUNT
    return itertools.cycle(range(begin, begin + _COUNT))


def free_port() -> int:
    """A port that nobody uses now, over TCP or UDP, at any address, and that nobody else will choose."""
    return next(port for port in itertools.islice(_own(), _COUNT) if is_free(port))


def free_row(count: int) -> int:
    """The first of some free ports in a row."""
    row: list[int] = []
    while len(row) < count:
        port = free_port()
        row = [*row, port] if row and port == row[-1] + 1 else [port]
    return row[0]


def claim(name: str) -> bool:
    """Take a name in the kernel until this process ends, however that comes; False = another process has it."""
    claimed = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claimed.bind(f"\0vprinter-test-ports-{name}")
    except OSError:
        claimed.close()
        return False
    claimed.detach()
    return True


def is_free(port: int) -> bool:
    """Whether nobody has the port, at any address."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:  # connections that ended a moment ago are in nobody's way
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True
