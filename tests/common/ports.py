"""Ports that nobody uses, and that nobody will take before they are used."""

import itertools
import random
import socket
from functools import cache

# Below the ephemeral range: no client's own socket can take one between the probe and the start, or while a server is away.
# A block is larger than what one run of all tests asks for, so that no port comes twice: some are kept for later use.
FIRST, BLOCKS, BLOCK, PASSIVE = 10_000, 7, 2_048, 128
END = FIRST + BLOCKS * BLOCK


@cache
def _block() -> range:
    """The ports of this process; other workers, and other runs on this machine, have others."""
    begins = range(FIRST, END, BLOCK)
    begin = next(begin for begin in random.sample(begins, BLOCKS) if claim(f"block-{begin}"))
    return range(begin, begin + BLOCK)


@cache
def _single() -> "itertools.cycle[int]":
    return itertools.cycle(_block()[:-PASSIVE])


def passive_ports() -> dict[str, int]:
    """A range for FTP data that is this process's own, for any number of servers after each other."""
    ports = _block()[-PASSIVE:]
    return {"low": ports.start, "high": ports.stop - 1}


def free_port() -> int:
    """A port that nobody uses now, over TCP or UDP, at any address, and that nobody else will choose."""
    return next(port for port in itertools.islice(_single(), BLOCK) if is_free(port))


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
