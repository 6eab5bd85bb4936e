"""A diagnosis as it is answered and printed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from pydantic import AwareDatetime, BaseModel

from vprinter_control.doctor.remedies import remedy_for
from vprinter_control.doctor.steps import Result, Verdict


class RemedyObject(BaseModel):
    """What to do, by how the system is installed."""

    native: str
    docker: str
    nas: str


class StepObject(BaseModel):
    """One step. `detail` has what was seen; `fault` is the stable name of what is wrong."""

    step: str
    title: str
    verdict: Verdict
    detail: str
    fault: str | None
    remedy: RemedyObject | None
    seconds: float


class DiagnosisObject(BaseModel):
    """What the doctor found at one printer."""

    printer_id: str
    name: str
    address: str | None
    at: AwareDatetime
    seconds: float
    verdict: Verdict
    steps: list[StepObject]

    @classmethod
    def of(
        cls,
        printer: Mapping[str, str | None],
        results: Sequence[Result],
        *,
        at: AwareDatetime,
        seconds: float,
    ) -> Self:
        """From the steps' results. `printer`: id, name, address and serial, as remedies name them."""
        always = {
            "id": printer["id"],
            "printer": printer["name"],
            "address": printer["address"] or "its address",
            "serial": printer["serial"],
        }
        return cls(
            printer_id=str(printer["id"]),
            name=str(printer["name"]),
            address=printer["address"],
            at=at,
            seconds=round(seconds, 3),
            verdict=worst(result.finding.verdict for result in results),
            steps=[_step(result, always) for result in results],
        )


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of the whole; steps that were passed over have none."""
    given = set(verdicts)
    return next((verdict for verdict in (Verdict.FAILED, Verdict.WARNING) if verdict in given), Verdict.OK)


def _step(result: Result, always: Mapping[str, object]) -> StepObject:
    finding = result.finding
    remedy = remedy_for(finding, always)
    return StepObject(
        step=result.step.value,
        title=result.step.label,
        verdict=finding.verdict,
        detail=finding.detail,
        fault=finding.fault.value if finding.fault else None,
        remedy=RemedyObject(native=remedy.native, docker=remedy.docker, nas=remedy.nas) if remedy else None,
        seconds=round(result.seconds, 3),
    )
