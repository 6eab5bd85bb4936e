"""Somebody who guesses access codes."""

import pytest

from tests.faults import attacks
from tests.faults.ledger import Ledger
from tests.faults.vitals import Vitals
from tests.system.harness import Printer, System
from tests.system.processes import wait_for

pytestmark = pytest.mark.full

GUESSES = 1000
LOGINS_PER_CONNECTION = 20


def code(number: int) -> str:
    return f"no{number:06}"


def test_1000_wrong_codes_on_mqtt(house: System, target: Printer, attacker: str, peace: Vitals) -> None:
    answers = [connack(house, target, attacker, code(number)) for number in range(GUESSES)]
    assert set(answers[:5]) == {5}, "the slicer asks for another code"
    assert set(answers[5:]) == {3}, "the door is closed"
    assert connack(house, target, attacker, target.code) == 3, "even the right code is not tried any more"
    few_events(house, attacker)


def test_1000_wrong_codes_on_ftps(house: System, target: Printer, attacker: str, peace: Vitals) -> None:
    replies: list[str] = []
    while len(replies) < GUESSES:
        with attacks.connect_tls(attacker, target.address, house.ports.ftps) as sock, sock.makefile("rwb") as lines:
            lines.readline()
            for _ in range(LOGINS_PER_CONNECTION):
                lines.write(f"USER bblp\r\nPASS {code(len(replies))}\r\n".encode())
                lines.flush()
                assert lines.readline().startswith(b"331")
                replies.append(lines.readline().decode())
    assert all(reply.startswith("530") for reply in replies), set(replies)
    assert all(f"too many failed logins from {attacker}" in reply for reply in replies[5:])
    few_events(house, attacker)


def test_guesses_at_one_service_close_the_other(house: System, target: Printer, attacker: str, ledger: Ledger) -> None:
    for number in range(5):
        connack(house, target, attacker, code(number))

    def refused() -> bool:
        with attacks.connect_tls(attacker, target.address, house.ports.ftps) as sock, sock.makefile("rwb") as lines:
            lines.readline()
            lines.write(f"USER bblp\r\nPASS {target.code}\r\n".encode())
            lines.flush()
            lines.readline()
            return b"too many failed logins" in lines.readline()

    wait_for(refused, "FTPS refuses the guesser too")


def connack(house: System, target: Printer, source: str, password: str) -> int:
    """The code that MQTT answers a login with."""
    with attacks.connect_tls(source, target.address, house.ports.mqtt) as sock:
        attacks.send(sock, attacks.mqtt_login(password))
        answer = sock.recv(4)
        assert len(answer) == 4, answer
        return answer[3]


def few_events(house: System, source: str) -> None:
    """A thousand guesses are told of a few times, not a thousand."""
    lines = (line for log in house.processes.log_files() for line in log.read_text(errors="replace").splitlines())
    told = [line for line in lines if "login_refused" in line and source in line]
    assert 1 <= len(told) <= 10, len(told)
