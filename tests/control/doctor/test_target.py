"""What the doctor says of the real printer behind a proxy."""

import asyncio
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from tests.common.printers import SERIAL
from tests.control.doctor.peers import case
from tests.control.targets import FIRST, SECOND, probe
from vprinter_common.contracts.printer import Mode, Target
from vprinter_common.contracts.status import ListenerState, ListenerStatus, PrinterStatus, State
from vprinter_control.doctor import announced, target
from vprinter_control.doctor import diagnose as room
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.ports import ports
from vprinter_control.doctor.steps import Fault, Step, Verdict


def proxy(found: dict[str, Any] | None, fingerprint: str | None = FIRST, **more: Any) -> Case:
    """A proxy, and what was seen of its target."""
    behind = Target(
        id="shop", host="192.0.2.70", serial=SERIAL, model="C12", access_code=SecretStr("Real1234"),
        fingerprint=fingerprint,
    )  # fmt: skip
    seen = probe(**({"serial": SERIAL} | found)) if found is not None else None
    return case(spec={"mode": Mode.PROXY, "target": behind, "serial": SERIAL}, probe=seen, **more)


@pytest.mark.parametrize(
    ("found", "step", "fault"),
    [
        (None, Step.TARGET, Fault.TARGET_UNSEEN),
        ({"trouble": "unreachable", "error": "no route"}, Step.TARGET, Fault.TARGET_UNREACHABLE),
        ({"trouble": "wrong_printer", "serial": "other"}, Step.TARGET_IDENTITY, Fault.TARGET_OTHER),
        ({"serial": "other"}, Step.TARGET_IDENTITY, Fault.TARGET_OTHER),
        ({"trouble": "certificate_changed"}, Step.TARGET_CERTIFICATE, Fault.TARGET_CERTIFICATE),
        ({"fingerprint": SECOND}, Step.TARGET_CERTIFICATE, Fault.TARGET_CERTIFICATE),
        ({"trouble": "access_code"}, Step.TARGET_CODE, Fault.TARGET_CODE),
        ({"code_accepted": False}, Step.TARGET_CODE, Fault.TARGET_CODE),
        ({"lan_mode": False}, Step.TARGET_LAN, Fault.TARGET_CLOUD),
    ],
)
async def test_the_step_that_is_to_blame_fails_and_those_after_it_are_passed_over(
    found: dict[str, Any] | None, step: Step, fault: Fault
) -> None:
    one = proxy(found)
    results = await room.in_turn(tuple((each, partial(check, one)) for each, check in target.STEPS))
    failed = [result for result in results if result.finding.verdict is Verdict.FAILED]
    assert [(result.step, result.finding.fault) for result in failed] == [(step, fault)]
    after = results[results.index(failed[0]) + 1 :]
    assert {result.finding.verdict for result in after} <= {Verdict.SKIPPED}


@pytest.mark.parametrize(
    ("found", "fault"),
    [({"trouble": "too_many_sessions"}, Fault.TARGET_BUSY), ({"developer_mode": False}, Fault.TARGET_SIGNED)],
)
async def test_what_may_pass_is_a_warning(found: dict[str, Any], fault: Fault) -> None:
    one = proxy(found)
    results = await room.in_turn(tuple((each, partial(check, one)) for each, check in target.STEPS))
    assert [result.finding.fault for result in results if result.finding.verdict is Verdict.WARNING] == [fault]
    assert not [result for result in results if result.finding.verdict is Verdict.FAILED]


async def test_what_nobody_said_is_passed_over() -> None:
    one = proxy({"serial": None, "fingerprint": None, "code_accepted": None, "lan_mode": None, "developer_mode": None})
    findings = [await check(one) for _, check in target.STEPS]
    assert [finding.verdict for finding in findings] == [Verdict.OK, *[Verdict.SKIPPED] * 4]
    assert (await target.certificate(proxy({}, fingerprint=None))).verdict is Verdict.OK


def relaying(*listeners: ListenerStatus) -> PrinterStatus:
    now = case().now
    return PrinterStatus(
        printer="p", service="proxy", node="n", state=State.RUNNING, revision=1, address="127.0.0.61", since=now,
        listeners=listeners,
    )  # fmt: skip


async def test_every_relayed_port_must_be_open() -> None:
    silent = await ports(proxy({}))
    assert (silent.fault, silent.values["service"]) == (Fault.PORT_CLOSED, "proxy")
    shut = ListenerStatus(
        name="mqtt", address="127.0.0.61", port=8883, state=ListenerState.FAILED, error="8883 is taken"
    )
    answers = {"proxy": relaying(shut)}
    found = await ports(proxy({}, statuses=answers))
    assert found.fault is Fault.PORT_CLOSED


async def test_a_proxy_is_diagnosed_by_its_own_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_case: Case) -> Any:
        raise TimeoutError

    for where in ("detect", "detect_tls", "announced"):
        monkeypatch.setattr(announced, where, nothing)
    async with asyncio.timeout(20):
        results = await room.diagnose(proxy({}))
    steps = [result.step for result in results]
    assert {Step.TARGET, Step.TARGET_LAN, Step.PORTS, Step.MQTT_TLS, Step.NATS} <= set(steps)
    assert not {Step.UPLOAD, Step.MQTT_LOGIN, Step.REDIRECT} & set(steps)
