"""The guided set-up: four steps from "your slicer was seen" to "a file came", told from evidence of each client.

A slicer may trust the CA at one service and not at another, so trust is known by service; of everything else the newest
evidence counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vprinter_common.contracts.facts import AuthFailed, TlsFailed, UploadFailed, UploadStored
from vprinter_common.contracts.live import SessionLive, SessionPhase, UploadLive, UploadPhase
from vprinter_common.contracts.message import Event
from vprinter_common.tls import HandshakeFailure

DISCOVERY = "discovery"
DETECT_TLS = "detect-tls"
FTPS = "ftps"


class Step(StrEnum):
    """The steps, in their order."""

    SEEN = "seen"
    TRUSTED = "trusted"
    CODE = "code"
    FILE = "file"


class StepState(StrEnum):
    """How a step stands."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was learned of one step of one client. `code` says what went wrong, None = the step was taken."""

    client: str
    step: Step
    service: str
    at: datetime
    code: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StepView:
    """How a step stands for one client."""

    step: Step
    state: StepState
    at: datetime | None = None
    failure: Evidence | None = None


REFUSED_TRUST = frozenset({HandshakeFailure.UNKNOWN_CA, HandshakeFailure.BAD_CERTIFICATE})
REFUSED_TLS = frozenset({HandshakeFailure.NO_SHARED_CIPHER, HandshakeFailure.WRONG_VERSION})
"""Other failures are those of whatever scans a network, too."""


def from_session(message: SessionLive) -> list[Evidence]:
    """What a slicer that came proves."""
    if message.phase is SessionPhase.CONNECTED:
        return logged_in(message.client, message.service, message.at)
    seen = _taken(message.client, message.service, message.at, Step.SEEN)
    if message.listener == DETECT_TLS:
        seen += _taken(message.client, message.service, message.at, Step.TRUSTED)
    return seen


def from_upload(message: UploadLive) -> list[Evidence]:
    """What a file proves that has arrived: behind a proxy there is no fact of it, for it is not kept."""
    if message.phase is not UploadPhase.STORED:
        return []
    return _taken(message.client, FTPS, message.at, Step.FILE)


def logged_in(client: str, service: str, at: datetime) -> list[Evidence]:
    """What a login proves."""
    return _taken(client, service, at, Step.SEEN, Step.TRUSTED, Step.CODE)


def from_fact(fact: Event) -> list[Evidence]:
    """What a fact proves; nothing if it came another way than a slicer's."""
    match fact:
        case TlsFailed() if fact.reason in REFUSED_TRUST | REFUSED_TLS:
            failed = Evidence(fact.client, Step.TRUSTED, fact.service, fact.at, fact.reason)
            return [*_taken(fact.client, fact.service, fact.at, Step.SEEN), failed]
        case AuthFailed():
            braked = "within a minute" in fact.reason
            code = "too_many_wrong_codes" if braked else "wrong_code"
            failed = Evidence(fact.client, Step.CODE, fact.service, fact.at, code)
            return [*_taken(fact.client, fact.service, fact.at, Step.SEEN, Step.TRUSTED), failed]
        case UploadFailed(service=service) if service == FTPS:
            failed = Evidence(fact.client, Step.FILE, service, fact.at, fact.reason.value, fact.detail)
            return [*logged_in(fact.client, service, fact.at), failed]
        case UploadStored(service=service) if service == FTPS:
            return [*logged_in(fact.client, service, fact.at), *_taken(fact.client, service, fact.at, Step.FILE)]
        case _:
            return []


def view(evidence: Iterable[Evidence], client: str) -> list[StepView]:
    """How the steps stand for a client. What was done before a step failed is to be shown again."""
    mine = [one for one in evidence if one.client == client]
    steps: list[StepView] = []
    failed_at: datetime | None = None
    for step in Step:
        of_step = [one for one in mine if one.step is step]
        found = _trust(of_step) if step is Step.TRUSTED else max(of_step, key=_when, default=None)
        if found is None or (failed_at is not None and found.at < failed_at):
            steps.append(StepView(step, StepState.WAITING))
        elif found.code is None:
            steps.append(StepView(step, StepState.DONE, found.at))
        else:
            failed_at = found.at
            steps.append(StepView(step, StepState.FAILED, found.at, found))
    return steps


def clients(evidence: Iterable[Evidence]) -> list[str]:
    """Everyone of whom something is known, who did something last first."""
    newest: dict[str, datetime] = {}
    for one in evidence:
        newest[one.client] = max(one.at, newest.get(one.client, one.at))
    return sorted(newest, key=lambda client: (-newest[client].timestamp(), client))


def _trust(evidence: Sequence[Evidence]) -> Evidence | None:
    """A failure at ftps or mqtt stands until that very service is trusted; one at detect until any is."""
    failed = [one for one in evidence if one.code is not None]
    real = [one for one in evidence if one.code is None and one.service != DISCOVERY]
    taken = max(real, key=_when, default=None)
    standing = [one for one in failed if one.service != DISCOVERY or taken is None or taken.at < one.at]
    return max(standing, key=_when, default=taken)


def _when(one: Evidence) -> datetime:
    return one.at


def _taken(client: str, service: str, at: datetime, *steps: Step) -> list[Evidence]:
    return [Evidence(client, step, service, at) for step in steps]
