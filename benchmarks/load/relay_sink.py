"""What relays lead to: it takes bytes, throws them away, and prints how many when it has all of a connection.

    python -m benchmarks.load.relay_sink CHAIN KEY TLS_ADDRESS CLEAR_ADDRESS FTPS_ADDRESS PORT

The same port at three addresses: bytes in TLS, bytes in the clear, and a printer's FTPS that stores nothing.
"""

import socket
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from vprinter_common.tls import FTPS_CIPHERS

BUFFER = 256 * 1024
BACKLOG = 64


def context_of(chain: str, key: str) -> ssl.SSLContext:
    """As printers have it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(FTPS_CIPHERS)
    context.load_cert_chain(chain, key)
    return context


def swallow(connection: socket.socket) -> None:
    """Everything up to the end."""
    buffer, total = memoryview(bytearray(BUFFER)), 0
    while count := connection.recv_into(buffer):
        total += count
    if total:  # else somebody looked whether anybody listens
        print(total, flush=True)


def take(connection: socket.socket) -> None:
    """Bytes to their end."""
    with connection:
        swallow(connection)


def take_tls(context: ssl.SSLContext, connection: socket.socket) -> None:
    """The same in TLS."""
    with context.wrap_socket(connection, server_side=True) as secured:
        swallow(secured)
        with suppress(OSError):
            secured.unwrap()


def ftps(context: ssl.SSLContext, address: str, connection: socket.socket) -> None:
    """One session: whatever is sent to it is received and counted."""
    with context.wrap_socket(connection, server_side=True) as control, control.makefile("rwb", buffering=0) as lines:
        lines.write(b"220 ready\r\n")
        data: socket.socket | None = None
        while line := lines.readline():
            match line.split()[0].upper():
                case b"EPSV":
                    data = socket.create_server((address, 0))
                    lines.write(f"229 here (|||{data.getsockname()[1]}|)\r\n".encode())
                case b"STOR" if data is not None:
                    received, _ = data.accept()
                    data.close()
                    lines.write(b"150 send\r\n")
                    with context.wrap_socket(received, server_side=True) as secured:
                        swallow(secured)
                        with suppress(OSError):
                            secured.unwrap()
                    lines.write(b"226 done\r\n")
                case b"QUIT":
                    lines.write(b"221 bye\r\n")
                    return
                case b"USER":
                    lines.write(b"331 code\r\n")
                case _:
                    lines.write(b"200 as you like\r\n")


def listen(address: str, port: int, serve: Callable[[socket.socket], None]) -> None:
    """Serve each connection in a thread."""
    with socket.create_server((address, port), backlog=BACKLOG) as listening:
        while True:
            connection, _ = listening.accept()
            # As FTP servers do; else a greeting waits 40 ms for the acknowledgement of the handshake before it.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=quietly, args=(serve, connection), daemon=True).start()


def quietly(serve: Callable[[socket.socket], None], connection: socket.socket) -> None:
    """A probe that only wanted to see whether somebody listens is no news."""
    with suppress(OSError):
        serve(connection)


def main() -> None:
    """Serve until ended."""
    chain, key, tls_address, clear_address, ftps_address, port = sys.argv[1:]
    context = context_of(chain, key)
    servers: list[tuple[str, Callable[[socket.socket], None]]] = [
        (tls_address, lambda connection: take_tls(context, connection)),
        (clear_address, take),
        (ftps_address, lambda connection: ftps(context, ftps_address, connection)),
    ]
    threads = [threading.Thread(target=listen, args=(address, int(port), serve)) for address, serve in servers]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main()
