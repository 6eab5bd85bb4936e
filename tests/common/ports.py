"""Ports that nobody uses, and that nobody will take before they are used."""

import itertools
import os
import random
import socket

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Which of the workers that share the tests this is."""
# Above the ephemeral range, and for each worker others: nobody takes one between the probe and the start, or while a
# server is away. Where one begins is left to chance, for there may be several runs on one machine.
_OWN = range(61_000 + WORKER % 8 * 500, 61_500 + WORKER % 8 * 500)
_next_port = itertools.cycle(_OWN)
for _ in range(random.randrange(len(_OWN))):
    next(_next_port)


def free_port() -> int:
    """A port that nobody uses now, over TCP or UDP, at any address, and that nobody else will choose."""
    return next(port for port in itertools.islice(_next_port, len(_OWN)) if _is_free(port))


def free_row(count: int) -> int:
    """The first of some free ports in a row."""
    return next(
        port
        for port in iter(free_port, 0)
        if port + count <= _OWN.stop and all(map(_is_free, range(port, port + count)))
    )


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:  # connections that ended a moment ago are in nobody's way
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True
