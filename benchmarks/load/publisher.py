"""What stands behind a broker instead of a printer's mind: paho publishes a report a second under each topic.

Arguments: address port payload-file topics-file. It only counts the reports on, in cleartext: as cheap as can be.
"""

import sys
import time
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Publish until killed."""
    address, port, payload_file, topics_file = sys.argv[1:]
    head, tail = Path(payload_file).read_bytes().split(b"%SEQUENCE%")
    topics = Path(topics_file).read_text().split()
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(address, int(port))
    client.loop_start()
    due, sequence = time.monotonic(), 0
    while True:
        due, sequence = due + 1.0, sequence + 1
        time.sleep(max(0.0, due - time.monotonic()))
        report = head + str(sequence).encode() + tail
        for topic in topics:
            client.publish(topic, report)


if __name__ == "__main__":
    main()
