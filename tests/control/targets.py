"""Real printers for tests of control: a proxy service that sees what it is told, and says how they fare."""

from collections.abc import Callable
from typing import Any

from tests.control.harness import Api, FakeBus, Parts
from vprinter_common.contracts import subjects
from vprinter_common.contracts.requests import Heard, HeardPrinter, Nothing, ProbeTarget, TargetProbe
from vprinter_common.contracts.target import TargetStatus

SERIAL = "01P00A123456789"
CODE = "Real1234"
FIRST, SECOND = "1a" * 32, "2b" * 32
HOST = "192.0.2.70"


def probe(**more: Any) -> TargetProbe:
    """What a look at a P1S shows when all is well."""
    given = {
        "address": HOST, "serial": SERIAL, "model": "C12", "name": "Shop P1S", "firmware": "01.08.02.00",
        "lan_mode": True, "developer_mode": True, "fingerprint": FIRST, "certificate_issuer": "BBL CA",
        "code_accepted": True, "ports": [{"port": 8883, "open": True}],
    }  # fmt: skip
    return TargetProbe.model_validate(given | more)


def sees(bus: FakeBus, **more: Any) -> list[ProbeTarget]:
    """Let the proxy see this; returns what it is asked."""
    asked: list[ProbeTarget] = []

    def answer(question: ProbeTarget) -> TargetProbe:
        asked.append(question)
        return probe(**more)

    bus.answers[subjects.rpc("proxy", "probe")] = answer
    return asked


def hears(bus: FakeBus, *printers: HeardPrinter, node: str | None = None) -> None:
    """Let the discovery of a node hear these; of any node if none is named."""
    answer: Callable[[Nothing], Heard] = lambda _: Heard(printers=printers)  # noqa: E731
    bus.answers[subjects.rpc("discovery", subjects.heard_of(node) if node else "heard")] = answer


def heard(serial: str = SERIAL, address: str = HOST, **more: Any) -> HeardPrinter:
    """A printer that announces itself."""
    given = {"serial": serial, "address": address, "model": "C12", "name": "Shop", "connect": "lan"}
    return HeardPrinter.model_validate({"last_heard_seconds": 2.0} | given | more)


async def add(api: Api, bus: FakeBus, **more: Any) -> dict[str, Any]:
    """A real printer that was looked at."""
    sees(bus)
    made: dict[str, Any] = await api.post("printers", {"host": HOST, "access_code": CODE} | more)
    return made


def fares(parts: Parts, target: str, **more: Any) -> TargetStatus:
    """Let the proxy say how a real printer fares."""
    given = {"target": target, "node": "node", "online": True, "fingerprint": FIRST, "at": parts.clock()}
    status = TargetStatus.model_validate(given | more)
    parts.control.target_statuses.latest = {**parts.control.target_statuses.latest, target: status}
    return status


def proxy(target: str, **more: Any) -> dict[str, Any]:
    """The body of a proxy."""
    return {"name": "Door", "mode": "proxy", "target": target, "bind": {"address": "192.0.2.10"}} | more
