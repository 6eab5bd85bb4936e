"""Listeners that share a process with other sockets."""

import asyncio
import os
import socket
import ssl

from vprinter_common.listen import listen_tls


async def test_the_number_of_a_closed_listener_may_be_the_next_sockets_at_once() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = await listen_tls("127.0.0.1", 0, asyncio.Protocol, context, lambda _client, _failure: None)
    await asyncio.sleep(0)  # it waits for the first connection
    number = server.sockets[0].fileno()
    ours, theirs = socket.socketpair()
    server.close()
    heard = asyncio.Event()
    with ours, theirs, socket.socket(fileno=os.dup2(ours.fileno(), number)):
        asyncio.get_running_loop().add_reader(number, heard.set)
        await server.wait_closed()
        theirs.send(b"x")
        async with asyncio.timeout(30):
            await heard.wait()
        asyncio.get_running_loop().remove_reader(number)
