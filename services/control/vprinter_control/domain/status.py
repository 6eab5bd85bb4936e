"""How a printer fares as a whole, from what each service of each node says."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vprinter_common.contracts.printer import Mode
from vprinter_common.contracts.status import PrinterStatus, State

SERVING = ("discovery", "mqtt", "ftps")
RELAYING = ("discovery", "proxy")
STALE = timedelta(seconds=30)
"""What was said longer ago says nothing about now."""


class Condition(StrEnum):
    """How a printer fares."""

    DISABLED = "disabled"
    UNSERVED = "unserved"
    """No service says anything: none runs where the printer's address is."""
    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    """Some service is missing or some listener is not open; `error` says which and why."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The printer as a whole."""

    state: Condition
    error: str | None
    services: dict[str, PrinterStatus]
    """One status per service: the best, if several nodes serve the printer."""


_WORST_LAST = {State.RUNNING: 0, State.DEGRADED: 1, State.STARTING: 2, State.FAILED: 3}


def fresh(statuses: Iterable[PrinterStatus], now: datetime) -> list[PrinterStatus]:
    """Those that are not stale."""
    return [status for status in statuses if now - status.at <= STALE]


def needed_by(mode: Mode) -> tuple[str, ...]:
    """The services that a slicer needs, all of them."""
    return RELAYING if mode is Mode.PROXY else SERVING


def whole(enabled: bool, mode: Mode, statuses: Iterable[PrinterStatus]) -> Whole:
    """The printer's condition; `statuses` are fresh and of this printer only."""
    names = needed_by(mode)
    services: dict[str, PrinterStatus] = {}
    for status in sorted(statuses, key=lambda status: (_WORST_LAST[status.state], -status.at.timestamp())):
        services.setdefault(status.service, status)
    services = dict(sorted(services.items()))
    if not enabled:
        return Whole(Condition.DISABLED, None, {})
    needed = [services.get(service) for service in names]
    if all(status is not None and status.state is State.RUNNING for status in needed):
        return Whole(Condition.RUNNING, None, services)
    if not any(needed):
        run = f"{', '.join(names[:-1])} and {names[-1]}"
        error = f"no service reports this printer: is its address on a host where {run} run?"
        return Whole(Condition.UNSERVED, error, services)
    problems = [problem for status in services.values() for problem in _problems(status)]
    problems += [f"{service} does not report: is it running?" for service in names if service not in services]
    starting = all(status is None or status.state in (State.RUNNING, State.STARTING) for status in needed)
    state = Condition.STARTING if starting else Condition.DEGRADED
    return Whole(state, "; ".join(problems) or None, services)


def _problems(status: PrinterStatus) -> list[str]:
    failed = [f"{status.service}: {one.name}: {one.error}" for one in status.listeners if one.error]
    return [f"{status.service}: {status.error}", *failed] if status.error else failed
