"""MQTT servers that send a report a second to slicers: ours, mosquitto and amqtt."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure.house import House, Keys, serial
from benchmarks.measure.program import Program, load, peer
from tests.system.ports import free_ports
from vprinter_common.catalog import model
from vprinter_mqtt.conversation import Conversation, ReportKey
from vprinter_mqtt.job import Job

LOCAL = "127.0.0.1"
_MARK = 987654321
_PLACEHOLDER = b"%SEQUENCE%"

Place = tuple[str, int, str]
"""Address, port and topic for one slicer."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A server at work. `producer`: the process that makes the reports, None if the server does that itself."""

    server: int
    producer: int | None
    places: list[Place]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a peer has to do: so many printers' reports, to so many slicers."""

    directory: Path
    keys: Keys
    printers: int
    slicers: int

    @property
    def topics(self) -> list[str]:
        """One for each printer."""
        return [f"device/{serial(number)}/report" for number in range(1, self.printers + 1)]

    def files(self) -> tuple[str, str]:
        """Names of two files for whoever publishes: the report with a place for the number, and the topics."""
        report, topics = self.directory / "report", self.directory / "topics"
        report.write_bytes(full_report().replace(str(_MARK).encode(), _PLACEHOLDER))
        topics.write_text("\n".join(self.topics))
        return str(report), str(topics)

    def places(self, port: int) -> list[Place]:
        """Where the slicers connect."""
        topics = self.topics
        return [(LOCAL, port, topics[number % len(topics)]) for number in range(self.slicers)]


def full_report() -> bytes:
    """A report as our own printer makes it."""
    return Conversation(model("BL-P001")).render(ReportKey(serial(1), LOCAL, Job().view), _MARK)


def ours(house: House, slicers: int) -> Contender:
    """Our service, which runs already."""
    places = [(str(each.bind.address), house.port, f"device/{each.serial}/report") for each in house.printers]
    return Contender(house.pid, None, [places[number % len(places)] for number in range(slicers)])


@contextmanager
def mosquitto(task: Assignment) -> Iterator[Contender]:
    """mosquitto as it comes; paho publishes the reports to it, in cleartext."""
    ports = free_ports()
    tls, clear, config = ports.base, ports.base + 1, task.directory / "mosquitto.conf"
    config.write_text(
        f"user {getpass.getuser()}\nper_listener_settings true\n"
        f"listener {tls} {LOCAL}\nallow_anonymous true\ncertfile {task.keys.chain}\nkeyfile {task.keys.key}\n"
        f"listener {clear} {LOCAL}\nallow_anonymous true\n"
    )
    with Program(("/usr/sbin/mosquitto", "-c", str(config)), task.directory / "mosquitto.log") as broker:
        broker.await_listening(LOCAL, clear)
        with Program(
            load("publisher", LOCAL, str(clear), *task.files()), task.directory / "publisher.log"
        ) as publisher:
            yield Contender(broker.pid, publisher.pid, task.places(tls))


@contextmanager
def amqtt(task: Assignment) -> Iterator[Contender]:
    """amqtt, which publishes from within."""
    port = free_ports().base
    command = peer("amqtt_broker", LOCAL, str(port), str(task.keys.chain), str(task.keys.key), *task.files())
    with Program(command, task.directory / "amqtt.log") as broker:
        broker.await_listening(LOCAL, port)
        yield Contender(broker.pid, None, task.places(port))
