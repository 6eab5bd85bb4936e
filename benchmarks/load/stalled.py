"""One slicer that asks for reports and never reads; when it is thrown out, it comes again: address port topic code.

Says "stalled" as soon as the first connection is full. Any line on standard input ends it; it then says how many
connections it had.
"""

import select
import socket
import ssl
import sys
import time

from vprinter_common.access import USER
from vprinter_common.wire.mqtt_packets import Connect, Publish, Subscribe, Subscription

ASK = b'{"pushing": {"sequence_id": "1", "command": "pushall"}}'
ASK_TIMES = 64
"""Answers to these, 14 KiB each, are more than all buffers on the way hold."""
SMALL = 4096
TIME_TO_FILL = 1.0
HUNG_UP = select.POLLERR | select.POLLHUP


def stall(address: str, port: int, topic: str, code: str) -> ssl.SSLSocket:
    """Connect and fill the connection."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    raw.settimeout(10)
    raw.connect((address, port))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = context.wrap_socket(raw)
    connection.sendall(Connect("stalled", username=USER.encode(), password=code.encode()).encode())
    connection.sendall(Subscribe(1, (Subscription(topic, 0),)).encode())
    request = topic.removesuffix("report") + "request"
    for _ in range(ASK_TIMES):
        connection.sendall(Publish(request, ASK).encode())
    return connection


def main() -> None:
    """Stall again and again."""
    address, port, topic, code = sys.argv[1:]
    connections = 0
    while True:
        with stall(address, int(port), topic, code) as connection:
            connections += 1
            if connections == 1:
                time.sleep(TIME_TO_FILL)
                print("stalled", flush=True)
            poll = select.poll()
            poll.register(connection, HUNG_UP)
            poll.register(sys.stdin, select.POLLIN)
            if any(descriptor == sys.stdin.fileno() for descriptor, _ in poll.poll()):
                print(connections, flush=True)
                return


if __name__ == "__main__":
    main()
