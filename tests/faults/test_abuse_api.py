"""HTTP requests that nobody should send."""

import json
from contextlib import ExitStack

import pytest

from tests.faults import attacks
from tests.faults.vitals import Vitals
from tests.system.api import ApiError
from tests.system.harness import System

pytestmark = pytest.mark.full

BODIES = {
    "too deep an array": b"[" * 200_000,
    "too deep an object": b'{"name":' * 100_000,
    "no object": b"[]",
    "a number beyond all bounds": b'{"name": "x", "passive_ports": [%s, 1]}' % (b"9" * 100_000),
    "no JSON": b"\xff\xfe\0",
    "a lone surrogate": b'{"name": "\\ud800", "model": "BL-P001"}',
    "a name with line ends": json.dumps({"name": "a\r\nb: c", "model": "BL-P001", "mode": "immediate"}).encode(),
    "wrong types": json.dumps({"name": {}, "model": [], "mode": 5, "bind": "x", "access_code": None}).encode(),
}


def ask(house: System, source: str, head: str, body: bytes = b"") -> bytes:
    """Send a request as it is; the whole answer."""
    with attacks.connect(source, house.address(1), house.ports.control) as sock:
        headers = f"Host: x\r\nAuthorization: Bearer {house.token}\r\nConnection: close\r\nContent-Length: {len(body)}"
        attacks.send(sock, f"{head}\r\n{headers}\r\nContent-Type: application/json\r\n\r\n".encode() + body)
        return attacks.answer(sock)


@pytest.mark.parametrize("kind", BODIES)
def test_json_that_makes_no_sense_is_a_problem_document(house: System, attacker: str, kind: str, peace: Vitals) -> None:
    answer = ask(house, attacker, "POST /api/v1/virtual-printers HTTP/1.1", BODIES[kind])
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 422")), answer[:200]
    assert b'"code"' in answer


@pytest.mark.parametrize("size", [2 << 20, 1 << 40], ids=["2 MiB", "1 TiB announced"])
def test_a_huge_body_is_refused_unread(house: System, attacker: str, size: int, peace: Vitals) -> None:
    with attacks.connect(attacker, house.address(1), house.ports.control) as sock:
        head = f"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.token}\r\n"
        attacks.send(sock, f"{head}Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(64):
            attacks.send(sock, bytes(1 << 20))
        answer = attacks.finish(sock)
    assert not answer or answer.startswith(b"HTTP/1.1 413"), answer[:200]


def test_headers_without_end_are_refused(house: System, attacker: str, peace: Vitals) -> None:
    with attacks.connect(attacker, house.address(1), house.ports.control) as sock:
        attacks.send(sock, b"GET / HTTP/1.1\r\nX: " + b"a" * (8 << 20))
        answer = attacks.finish(sock)
    assert not answer or b" 400 " in answer.splitlines()[0], answer[:200]


@pytest.mark.parametrize(
    "path",
    [
        "archive/../../../../etc/passwd",
        "archive/..%2f..%2f..%2fetc%2fpasswd/file",
        "archive?sha256=../../../etc/passwd",
        "archive?cursor=%00%ff&limit=99999999999999999999",
        "archive?limit=-1",
        "archive?q=%25%25%25%25%27%22--",
        "pending/%00",
        "virtual-printers/" + "a" * 3000,
        "events?limit=x",
    ],
)
def test_paths_and_queries_of_any_kind_get_an_answer_that_is_no_failure(
    house: System, attacker: str, path: str, peace: Vitals
) -> None:
    answer = ask(house, attacker, f"GET /api/v1/{path} HTTP/1.1")
    status = int(answer.split()[1])
    assert status < 500, answer[:300]
    assert b"root:" not in answer


def test_300_idle_clients_keep_nobody_out(house: System, attacker: str, peace: Vitals) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            sock = stack.enter_context(attacks.connect(attacker, house.address(1), house.ports.control))
            attacks.send(sock, b"GET /api/v1/models HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        assert house.api.get("models")
        assert house.health("control", "readyz")[0] == 200


def test_a_thousand_wrong_tokens_are_refused(house: System, attacker: str, peace: Vitals) -> None:
    statuses = set()
    for number in range(1000):
        with attacks.connect(attacker, house.address(1), house.ports.control) as sock:
            request = f"GET /api/v1/archive HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {number}\r\nConnection: close"
            attacks.send(sock, f"{request}\r\n\r\n".encode())
            statuses.add(int(attacks.answer(sock).split()[1]))
    assert statuses <= {401, 429}, statuses
    try:
        house.api.get("archive")  # from another address
    except ApiError as error:
        raise AssertionError("the owner is kept out too") from error
