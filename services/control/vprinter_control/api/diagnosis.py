"""`virtual-printers/{id}/diagnosis`: the doctor plays the slicer against a printer."""

from http import HTTPStatus

from vprinter_control.api.problems import ProblemError
from vprinter_control.api.routing import Call, Route
from vprinter_control.doctor.doctor import MOST_AT_ONCE, TooMany
from vprinter_control.doctor.report import DiagnosisObject

RETRY_AFTER = 10
"""Seconds within which a diagnosis is done."""


async def _diagnosis(call: Call) -> DiagnosisObject:
    try:
        return await call.control.doctor.diagnose(call.id)
    except TooMany:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_diagnoses",
            f"{MOST_AT_ONCE} other printers are being diagnosed",
            hint=f"ask again in {RETRY_AFTER} s",
            headers={"Retry-After": str(RETRY_AFTER)},
        ) from None


ROUTES = (
    Route(
        "GET",
        "/virtual-printers/{id}/diagnosis",
        "Play the slicer against it: a verdict and a remedy per step",
        _diagnosis,
        DiagnosisObject,
        problems=((HTTPStatus.TOO_MANY_REQUESTS, "too_many_diagnoses"),),
    ),
)
