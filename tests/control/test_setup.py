"""The guided set-up."""

from datetime import timedelta
from typing import Any

import pytest

from tests.control.harness import NOON, READ_TOKEN, Api, Parts, stored
from vprinter_common.contracts.facts import AuthFailed, FailureReason, TlsFailed, UploadFailed
from vprinter_common.contracts.live import SessionLive, SessionPhase, UploadLive, UploadPhase
from vprinter_common.tls import HandshakeFailure
from vprinter_control.domain.setup import REFUSED_TLS, REFUSED_TRUST, Evidence, Step
from vprinter_control.domain.setup_texts import problem
from vprinter_control.store import setup as store
from vprinter_control.store.setup import MOST_CLIENTS

CLIENT, OTHER = "192.0.2.200", "192.0.2.201"


class Slicer:
    """One slicer at one printer, as the facts and live messages tell of it; each thing a second after the last."""

    def __init__(self, parts: Parts, printer: str, client: str = CLIENT) -> None:
        self._parts = parts
        self._about: dict[str, Any] = {"printer": printer, "client": client}

    def _now(self) -> dict[str, Any]:
        self._parts.clock.forward(1)
        return self._about | {"at": self._parts.clock()}

    async def seen(self, listener: str = "detect") -> None:
        message = SessionLive(service="discovery", listener=listener, phase=SessionPhase.SEEN, **self._now())
        await self._parts.control.live.on_session(message)

    async def logs_in(self, service: str = "mqtt") -> None:
        message = SessionLive(service=service, session="s", phase=SessionPhase.CONNECTED, **self._now())
        await self._parts.control.live.on_session(message)

    async def mistrusts(self, service: str = "mqtt", reason: HandshakeFailure = HandshakeFailure.UNKNOWN_CA) -> None:
        await self._parts.take(TlsFailed(service=service, listener=service, reason=reason.value, **self._now()))

    async def errs(self, reason: str = "wrong access code") -> None:
        await self._parts.take(AuthFailed(service="mqtt", node="n1", reason=reason, **self._now()))

    async def fails(self, reason: FailureReason = FailureReason.BROKEN, detail: str = "") -> None:
        now = self._now()
        await self._parts.take(UploadFailed(upload="u", filename="a.3mf", reason=reason, detail=detail, **now))

    async def sends(self, **more: Any) -> None:
        await self._parts.take(stored(b"content", **self._now(), **more))

    async def passes(self) -> None:
        message = UploadLive(upload="u", filename="a.3mf", phase=UploadPhase.STORED, **self._now())
        await self._parts.control.live.on_upload(message)


@pytest.fixture
async def printer(api: Api) -> str:
    """A printer's id."""
    made: dict[str, str] = await api.post("virtual-printers", {"name": "A", "model": "BL-P001"})
    return made["id"]


async def states(api: Api, printer: str, query: str = "") -> list[str]:
    """The states of the four steps."""
    return [step["state"] for step in (await api.get(f"virtual-printers/{printer}/setup{query}"))["steps"]]


async def failure(api: Api, printer: str) -> dict[str, Any]:
    """The one step that failed."""
    steps = (await api.get(f"virtual-printers/{printer}/setup"))["steps"]
    (found,) = [step for step in steps if step["state"] == "failed"]
    assert found["client"] == CLIENT
    problem: dict[str, Any] = found["problem"]
    return problem


async def test_before_anything_happens_every_step_waits(api: Api, printer: str) -> None:
    found = await api.get(f"virtual-printers/{printer}/setup")
    assert [(step["step"], step["state"]) for step in found["steps"]] == [
        ("seen", "waiting"), ("trusted", "waiting"), ("code", "waiting"), ("file", "waiting"),
    ]  # fmt: skip
    assert (found["client"], found["clients"]) == (None, [])


async def test_the_steps_are_taken_one_by_one(api: Api, parts: Parts, printer: str) -> None:
    slicer = Slicer(parts, printer)
    await slicer.seen()
    assert await states(api, printer) == ["done", "waiting", "waiting", "waiting"]
    await slicer.errs()
    assert await states(api, printer) == ["done", "done", "failed", "waiting"]
    await slicer.logs_in()
    assert await states(api, printer) == ["done", "done", "done", "waiting"]
    await slicer.sends()
    assert await states(api, printer) == ["done"] * 4
    found = await api.get(f"virtual-printers/{printer}/setup")
    assert found["client"] == CLIENT
    assert all(step["at"] and step["client"] == CLIENT for step in found["steps"])


async def test_a_file_that_passed_a_proxy_is_a_file(api: Api, parts: Parts, printer: str) -> None:
    slicer = Slicer(parts, printer)
    await slicer.logs_in("proxy")
    await slicer.passes()
    assert await states(api, printer) == ["done"] * 4


async def test_a_slicer_that_does_not_trust_the_ca_is_told_to_run_the_installer(
    api: Api, parts: Parts, printer: str
) -> None:
    slicer = Slicer(parts, printer)
    await slicer.seen()
    await slicer.mistrusts()
    assert await states(api, printer) == ["done", "failed", "waiting", "waiting"]
    assert await failure(api, printer) == {
        "code": "unknown_ca",
        "text": f"{CLIENT} does not trust the CA",
        "hint": "run the installer on that computer and restart the slicer fully",
    }
    await slicer.logs_in()
    assert await states(api, printer) == ["done", "done", "done", "waiting"]


async def test_trust_at_one_service_does_not_hide_mistrust_at_another(api: Api, parts: Parts, printer: str) -> None:
    slicer = Slicer(parts, printer)
    await slicer.logs_in()
    await slicer.mistrusts("ftps")
    await slicer.logs_in()
    assert (await states(api, printer))[1] == "failed"
    await slicer.logs_in("ftps")
    assert (await states(api, printer))[1] == "done"


async def test_mistrust_at_detect_is_over_when_the_slicer_logs_in_anywhere(
    api: Api, parts: Parts, printer: str
) -> None:
    slicer = Slicer(parts, printer)
    await slicer.mistrusts("discovery")
    assert (await states(api, printer))[1] == "failed"
    await slicer.logs_in()
    assert (await states(api, printer))[1] == "done"


async def test_detect_over_tls_alone_proves_no_trust(api: Api, parts: Parts, printer: str) -> None:
    await Slicer(parts, printer).seen("detect-tls")
    assert await states(api, printer) == ["done", "waiting", "waiting", "waiting"]


async def test_after_a_slicer_update_lost_the_ca_the_later_steps_wait_again(
    api: Api, parts: Parts, printer: str
) -> None:
    slicer = Slicer(parts, printer)
    await slicer.sends()
    await slicer.mistrusts("ftps")
    assert await states(api, printer) == ["done", "failed", "waiting", "waiting"]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("wrong access code", "wrong_code"),
        ("five wrong access codes within a minute", "too_many_wrong_codes"),
    ],
)
async def test_a_wrong_code_is_told_from_the_brake(
    api: Api, parts: Parts, printer: str, reason: str, code: str
) -> None:
    await Slicer(parts, printer).errs(reason)
    assert (await failure(api, printer))["code"] == code


async def test_an_upload_that_failed_says_why(api: Api, parts: Parts, printer: str) -> None:
    await Slicer(parts, printer).fails(FailureReason.NO_DATA_CONNECTION, "waited 30 s")
    assert await states(api, printer) == ["done", "done", "done", "failed"]
    found = await failure(api, printer)
    assert found["code"] == "no_data_connection"
    assert "(waited 30 s)" in found["text"]
    assert "passive ports" in found["hint"]


@pytest.mark.parametrize(
    "code", [*FailureReason, *sorted(REFUSED_TRUST), *sorted(REFUSED_TLS), "wrong_code", "too_many_wrong_codes"]
)
def test_every_failure_has_a_text_and_a_hint(code: str) -> None:
    found = problem(Evidence(CLIENT, Step.FILE, "ftps", NOON, code))
    assert found.code == code
    assert found.hint != "look at the log"


async def test_whatever_scans_the_network_is_no_slicer(api: Api, parts: Parts, printer: str) -> None:
    for reason in (HandshakeFailure.EOF, HandshakeFailure.NOT_TLS, HandshakeFailure.TIMEOUT, HandshakeFailure.OTHER):
        await Slicer(parts, printer).mistrusts(reason=reason)
    assert (await api.get(f"virtual-printers/{printer}/setup"))["clients"] == []


async def test_the_doctor_is_no_slicer(api: Api, parts: Parts, printer: str) -> None:
    live = parts.control.live
    live.setup.ignores = lambda at, client: (at, client) == (printer, OTHER)
    doctor, slicer = Slicer(parts, printer, OTHER), Slicer(parts, printer)
    await doctor.seen()
    await doctor.logs_in()
    assert await states(api, printer) == ["waiting"] * 4
    assert live.sessions.last_seen(printer) is None
    await slicer.seen()
    assert (await states(api, printer))[0] == "done"


async def test_the_slicer_that_did_something_last_is_shown_and_the_others_can_be(
    api: Api, parts: Parts, printer: str
) -> None:
    await Slicer(parts, printer).sends()
    await Slicer(parts, printer, OTHER).mistrusts()
    assert await states(api, printer) == ["done", "failed", "waiting", "waiting"]
    assert await states(api, printer, f"?client={CLIENT}") == ["done"] * 4
    assert (await api.get(f"virtual-printers/{printer}/setup"))["clients"] == [OTHER, CLIENT]


async def test_it_begins_anew_on_request_and_does_not_learn_again_what_is_old(
    api: Api, parts: Parts, printer: str
) -> None:
    slicer = Slicer(parts, printer)
    await slicer.logs_in()
    parts.clock.forward(10)
    begun = await api.post(f"virtual-printers/{printer}/setup/restart")
    assert begun["clients"] == []
    assert begun["since"] == parts.clock().isoformat().replace("+00:00", "Z")
    await parts.take(stored(b"replayed", printer=printer, client=CLIENT, at=parts.clock() - timedelta(seconds=5)))
    assert await states(api, printer) == ["waiting"] * 4
    await slicer.logs_in()
    assert await states(api, printer) == ["done", "done", "done", "waiting"]


async def test_who_may_only_read_cannot_begin_it_anew(api: Api, printer: str) -> None:
    reader = Api(api.client, READ_TOKEN)
    assert (await reader("POST", f"virtual-printers/{printer}/setup/restart")).status == 403


async def test_a_printer_that_is_not_there_has_no_setup(api: Api) -> None:
    assert (await api("GET", "virtual-printers/nobody/setup")).code == "not_found"
    assert (await api("POST", "virtual-printers/nobody/setup/restart")).code == "not_found"


async def test_facts_of_a_deleted_printer_are_taken_and_leave_nothing(api: Api, parts: Parts, printer: str) -> None:
    await Slicer(parts, printer).errs()
    await api.delete(f"virtual-printers/{printer}")
    await Slicer(parts, printer).errs()
    async with parts.database.write() as session:
        await store.forget_deleted(session)
    async with parts.database.read() as session:
        assert await store.evidence(session, printer) == []


async def test_reconnecting_all_the_time_is_written_once_in_a_while(api: Api, parts: Parts, printer: str) -> None:
    slicer = Slicer(parts, printer)
    await slicer.logs_in()
    before = parts.database.commits.count
    for _ in range(20):
        await slicer.logs_in()
    assert parts.database.commits.count == before


async def test_a_crowd_of_addresses_is_forgotten_from_its_oldest(api: Api, parts: Parts, printer: str) -> None:
    for number in range(MOST_CLIENTS + 3):
        await Slicer(parts, printer, f"10.0.0.{number}").seen()
    clients = (await api.get(f"virtual-printers/{printer}/setup"))["clients"]
    assert clients == [f"10.0.0.{number}" for number in range(MOST_CLIENTS + 2, 2, -1)]


async def test_sessions_name_the_slicer_that_the_files_of_that_address_name(
    api: Api, parts: Parts, printer: str
) -> None:
    slicer = Slicer(parts, printer)
    await slicer.logs_in()
    found = await api.get(f"virtual-printers/{printer}/sessions")
    assert [(one["client"], one["service"], one["slicer"]) for one in found["items"]] == [(CLIENT, "mqtt", None)]
    assert (found["last_slicer"]["client"], found["last_slicer"]["slicer"]) == (CLIENT, None)
