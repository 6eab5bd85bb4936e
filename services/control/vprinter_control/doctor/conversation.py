"""The slicer's MQTT session with the printer."""

from contextlib import AsyncExitStack

from vprinter_common.probe.dial import trusting
from vprinter_common.probe.mqtt import MqttProbe
from vprinter_common.probe.obstacle import Obstructed
from vprinter_common.probe.report import complaints
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.steps import Fault, Finding, Step, fine
from vprinter_control.doctor.stopping import stopped
from vprinter_control.doctor.tls import certificate

SERVICE = "mqtt"


def first_code(case: Case) -> str | None:
    """The access code to log in with."""
    codes = case.spec.access_codes
    return codes[0].code.get_secret_value() if codes else None


class Conversation:
    """TLS, login, reports; each step needs the one before."""

    def __init__(self, case: Case, stack: AsyncExitStack) -> None:
        self._case = case
        self._stack = stack
        self._probe: MqttProbe | None = None
        self._place = case.place(case.ports.mqtt_port)
        self.steps = (
            (Step.MQTT_TLS, self._tls),
            (Step.MQTT_LOGIN, self._log_in),
            (Step.MQTT_REPORT, self._report),
        )

    async def _tls(self) -> Finding:
        return await certificate(self._case, self._place, SERVICE)

    async def _log_in(self) -> Finding:
        code, authority = first_code(self._case), self._case.trusted.authority
        if code is None or authority is None:
            return found(Fault.NO_CODE, f"{self._case.spec.name} has no access code")
        try:
            probe = await MqttProbe.open(self._place, trusting(authority.certificate_pem), self._case.serial)
            self._probe = await self._stack.enter_async_context(probe)
            await probe.log_in(code)
        except Obstructed as error:
            return stopped(error, SERVICE, self._place.port)
        return fine("CONNACK 0, with the printer's first access code")

    async def _report(self) -> Finding:
        assert self._probe is not None  # noqa: S101 - the login came first
        try:
            reports = await self._probe.reports(self._case.serial)
        except Obstructed as error:
            return stopped(error, SERVICE, self._place.port)
        if found_ := complaints(reports, self._case.told_address):
            return found(Fault.REPORT_WRONG, "; ".join(found_)[:600])
        return fine(f"push_status of {len(reports.raw)} bytes, state {reports.status['gcode_state']}, storage normal")
