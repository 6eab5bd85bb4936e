"""Whether the real printer behind a proxy is there, is the right one, and lets slicers in: what the proxy saw of it."""

from collections.abc import Mapping
from types import MappingProxyType

from vprinter_common.contracts.requests import TargetProbe
from vprinter_common.contracts.target import TargetTrouble
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.steps import Fault, Finding, Step, fine, skipped
from vprinter_control.domain.targets import sentence

_FAULTS: Mapping[TargetTrouble, Fault] = MappingProxyType(
    {
        TargetTrouble.UNREACHABLE: Fault.TARGET_UNREACHABLE,
        TargetTrouble.REFUSED: Fault.TARGET_UNREACHABLE,
        TargetTrouble.TLS: Fault.TARGET_UNREACHABLE,
        TargetTrouble.BUSY: Fault.TARGET_BUSY,
        TargetTrouble.SILENT: Fault.TARGET_UNREACHABLE,
        TargetTrouble.WRONG_PRINTER: Fault.TARGET_OTHER,
        TargetTrouble.CERTIFICATE_CHANGED: Fault.TARGET_CERTIFICATE,
        TargetTrouble.ACCESS_CODE: Fault.TARGET_CODE,
    }
)
_LATER = frozenset({TargetTrouble.WRONG_PRINTER, TargetTrouble.CERTIFICATE_CHANGED, TargetTrouble.ACCESS_CODE})
"""Troubles of a printer that is reachable; each has a step of its own."""


async def reachable(case: Case) -> Finding:
    """Whether the proxy gets through to it."""
    if case.probe is None:
        return found(Fault.TARGET_UNSEEN, "no proxy service looked at the real printer")
    trouble = case.probe.trouble
    if trouble is not None and trouble not in _LATER:
        return _trouble(case, case.probe, trouble)
    seen = ", ".join(str(port.port) for port in case.probe.ports if port.open)
    return fine(f"{_host(case)} is {case.probe.address or 'there'}; open: {seen or 'what is needed'}")


async def identity(case: Case) -> Finding:
    """Whether it is the printer with this serial number."""
    probe = _seen(case)
    if probe.trouble is TargetTrouble.WRONG_PRINTER:
        return _trouble(case, probe, probe.trouble)
    if probe.serial is None:
        return skipped("it does not say its serial number")
    if probe.serial != case.serial:
        return found(Fault.TARGET_OTHER, f"{probe.serial} answers, not {case.serial}", host=_host(case))
    return fine(f"{probe.name or probe.serial}, {probe.model}, firmware {probe.firmware or 'unknown'}")


async def certificate(case: Case) -> Finding:
    """Whether it shows what it showed first."""
    probe = _seen(case)
    trusted = case.spec.target.fingerprint if case.spec.target else None
    if probe.trouble is TargetTrouble.CERTIFICATE_CHANGED:
        return _trouble(case, probe, probe.trouble)
    if probe.fingerprint is None:
        return skipped("its certificate was not seen")
    if trusted is None:
        return fine(f"none is trusted yet, so {probe.fingerprint} will be")
    if trusted != probe.fingerprint:
        return found(Fault.TARGET_CERTIFICATE, f"{probe.fingerprint} is shown, {trusted} is trusted", host=_host(case))
    return fine(f"SHA-256 {probe.fingerprint}, from {probe.certificate_issuer or 'itself'}")


async def code(case: Case) -> Finding:
    """Whether it takes the code that we know."""
    probe = _seen(case)
    if probe.trouble is TargetTrouble.ACCESS_CODE or probe.code_accepted is False:
        return _trouble(case, probe, TargetTrouble.ACCESS_CODE)
    if probe.code_accepted is None:
        return skipped("no login was tried")
    return fine("it lets us in")


async def lan(case: Case) -> Finding:
    """Whether it needs the cloud."""
    probe = _seen(case)
    if probe.lan_mode is False:
        return found(Fault.TARGET_CLOUD, "it says that it belongs to the cloud")
    if probe.developer_mode is False:
        return found(Fault.TARGET_SIGNED, "LAN mode is on, but commands must be signed")
    if probe.lan_mode is None:
        return skipped("it does not say whether LAN mode is on")
    return fine("LAN mode is on" + (", and so is developer mode" if probe.developer_mode else ""))


STEPS = (
    (Step.TARGET, reachable),
    (Step.TARGET_IDENTITY, identity),
    (Step.TARGET_CERTIFICATE, certificate),
    (Step.TARGET_CODE, code),
    (Step.TARGET_LAN, lan),
)
"""Each needs the one before."""


def _trouble(case: Case, probe: TargetProbe, trouble: TargetTrouble) -> Finding:
    return found(_FAULTS[trouble], probe.error or sentence(trouble), host=_host(case))


def _host(case: Case) -> str:
    return case.spec.target.host if case.spec.target else "its address"


def _seen(case: Case) -> TargetProbe:
    assert case.probe is not None  # noqa: S101 - the first step sees to it
    return case.probe
