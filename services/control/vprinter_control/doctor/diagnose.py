"""All steps of a diagnosis: side by side where they do not need one another, each within its time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial

from vprinter_control.doctor import announced, ports, surroundings, target
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.conversation import Conversation
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.sending import Sending
from vprinter_control.doctor.steps import Fault, Finding, Result, Step, Verdict, skipped
from vprinter_control.doctor.tls import certificate

STEP_WITHIN = 8.0
"""Seconds after which a step is given up; each has shorter limits of its own."""

Check = Callable[[], Awaitable[Finding]]
Chain = Sequence[tuple[Step, Check]]


async def diagnose(case: Case) -> list[Result]:
    """What was found, in the order of `Step`."""
    first: Chain = (
        (Step.ENABLED, partial(surroundings.enabled, case)),
        (Step.ADDRESS, partial(surroundings.address, case)),
    )
    around: tuple[Chain, ...] = tuple(
        ((step, partial(check, case)),)
        for step, check in (
            (Step.SERVICES, surroundings.services),
            (Step.AUTHORITY, surroundings.authority),
            (Step.DISK, surroundings.disk),
            (Step.CLOCK, surroundings.clock),
            (Step.NATS, surroundings.nats),
        )
    )
    results = await in_turn(first)
    broken = next((result.step for result in results if result.finding.verdict is Verdict.FAILED), None)
    async with AsyncExitStack() as stack:
        if broken is None:
            results += await side_by_side((*around, *_played(case, stack)))
        else:
            results += await side_by_side(around)
            played = [step for chain in _played(case, stack) for step, _ in chain]
            results += [_passed_over(step, broken) for step in played]
    order = list(Step)
    return sorted(results, key=lambda result: order.index(result.step))


def _played(case: Case, stack: AsyncExitStack) -> tuple[Chain, ...]:
    """What the slicer does; its sessions are closed by the stack.

    A proxy is looked at from both sides, but not through: a real printer takes few sessions, and one may be printing.
    """
    if case.relays:
        return (
            tuple((step, partial(check, case)) for step, check in target.STEPS),
            ((Step.PORTS, partial(ports.ports, case)),),
            ((Step.DETECT, partial(announced.detect, case)),),
            ((Step.DETECT_TLS, partial(announced.detect_tls, case)),),
            ((Step.SSDP, partial(announced.announced, case)),),
            ((Step.MQTT_TLS, partial(certificate, case, case.place(case.ports.mqtt_port), "proxy")),),
        )
    return (
        ((Step.PORTS, partial(ports.ports, case)),),
        ((Step.DETECT, partial(announced.detect, case)),),
        ((Step.DETECT_TLS, partial(announced.detect_tls, case)),),
        ((Step.SSDP, partial(announced.announced, case)),),
        Conversation(case, stack).steps,
        Sending(case, stack).steps,
    )


async def side_by_side(chains: Iterable[Chain]) -> list[Result]:
    """Run chains at the same time."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(in_turn(chain), name=f"doctor:{chain[0][0]}") for chain in chains]
    return [result for task in running for result in task.result()]


async def in_turn(chain: Chain) -> list[Result]:
    """Run steps one after another; after one that failed the rest is passed over."""
    results: list[Result] = []
    broken: Step | None = None
    for step, check in chain:
        if broken is not None:
            results.append(_passed_over(step, broken))
            continue
        began = time.monotonic()
        try:
            async with asyncio.timeout(STEP_WITHIN):
                finding = await check()
        except TimeoutError:
            finding = found(Fault.SILENT, f"given up after {STEP_WITHIN:g} s", service="", port="")
        results.append(Result(step, finding, time.monotonic() - began))
        if finding.verdict is Verdict.FAILED:
            broken = step
    return results


def _passed_over(step: Step, broken: Step) -> Result:
    return Result(step, skipped(f'not tried, because "{broken.label}" failed'), 0.0)
