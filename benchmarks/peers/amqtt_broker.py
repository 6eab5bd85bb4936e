"""An amqtt broker that publishes the reports itself: address port chain key payload-file topics-file.

Nothing but what is needed is switched on: no log of packets, no $SYS messages.
"""

import asyncio
import logging
import sys
from pathlib import Path

from amqtt.broker import Broker


async def main() -> None:
    """Serve until killed."""
    address, port, chain, key, payload_file, topics_file = sys.argv[1:]
    logging.disable(logging.WARNING)
    head, tail = Path(payload_file).read_bytes().split(b"%SEQUENCE%")
    topics = Path(topics_file).read_text().split()
    listener = {"type": "tcp", "bind": f"{address}:{port}", "ssl": True, "certfile": chain, "keyfile": key}
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker({"listeners": {"default": listener}, "plugins": anonymous})
    await broker.start()
    loop = asyncio.get_running_loop()
    due, sequence = loop.time(), 0
    while True:
        due, sequence = due + 1.0, sequence + 1
        await asyncio.sleep(due - loop.time())
        report = head + str(sequence).encode() + tail
        for topic in topics:
            await broker.internal_message_broadcast(topic, report, 0)


if __name__ == "__main__":
    asyncio.run(main())
