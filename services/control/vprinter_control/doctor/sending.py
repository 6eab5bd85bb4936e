"""The slicer's FTPS session with the printer. What it uploads leaves no trace, even if it breaks off in between."""

from contextlib import AsyncExitStack

from vprinter_common.probe.dial import trusting
from vprinter_common.probe.ftps import PROBE_MAX, PROBE_NAME, FtpsProbe, Passive
from vprinter_common.probe.obstacle import Obstacle, Obstructed
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.conversation import first_code
from vprinter_control.doctor.ports import redirect
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.steps import Fault, Finding, Step, fine
from vprinter_control.doctor.stopping import stopped
from vprinter_control.doctor.tls import FTPS_VERSION, certificate

SERVICE = "ftps"
VERIFY_JOB = b"just a test file"
PATTERN = bytes(range(256)) * (PROBE_MAX // 256)
TRIES = (Passive.EPSV, Passive.EPSV, Passive.PASV)
_ANYWHERE = "0.0.0.0"


class Sending:
    """Redirect, TLS, login, passive ports, uploads; each step needs the one before."""

    def __init__(self, case: Case, stack: AsyncExitStack) -> None:
        self._case = case
        self._stack = stack
        self._probe: FtpsProbe | None = None
        self._place = case.place(case.ports.ftps_port)
        self.steps = (
            (Step.REDIRECT, self._redirect),
            (Step.FTPS_TLS, self._tls),
            (Step.FTPS_LOGIN, self._log_in),
            (Step.PASSIVE, self._passive),
            (Step.VERIFY_JOB, self._verify_job),
            (Step.UPLOAD, self._upload),
        )

    async def _redirect(self) -> Finding:
        finding, self._place = await redirect(self._case)
        return finding

    async def _tls(self) -> Finding:
        return await certificate(self._case, self._place, SERVICE, version=FTPS_VERSION)

    async def _log_in(self) -> Finding:
        code, authority = first_code(self._case), self._case.trusted.authority
        if code is None or authority is None:
            return found(Fault.NO_CODE, f"{self._case.spec.name} has no access code")
        try:
            probe = await FtpsProbe.open(self._place, trusting(authority.certificate_pem), self._case.serial)
            self._probe = await self._stack.enter_async_context(probe)
            await probe.log_in(code)
        except Obstructed as error:
            return stopped(error, SERVICE, self._place.port)
        return fine("230, with the printer's first access code")

    async def _passive(self) -> Finding:
        low, high = self._case.spec.passive_ports.low, self._case.spec.passive_ports.high
        seen = []
        for how in TRIES:
            try:
                door = await self._session.passive(how)
            except Obstructed as error:
                return self._no_door(error, low, high)
            door.close()
            seen.append(door.port)
            if not low <= door.port <= high:
                detail = f"{how.value} named port {door.port}, outside of {low}-{high}"
                return found(Fault.PASSIVE_OUTSIDE, detail, low=low, high=high)
            if door.told is not None and door.told not in self._right_addresses():
                detail = f"PASV tells {door.told}, the printer is at {self._case.address}"
                return found(Fault.PASSIVE_ADDRESS, detail)
        return fine(f"reached {', '.join(map(str, seen))} of {low}-{high}")

    def _no_door(self, error: Obstructed, low: int, high: int) -> Finding:
        match error.obstacle:
            case Obstacle.DENIED:
                fault = Fault.PASSIVE_NONE
            case Obstacle.REFUSED | Obstacle.UNREACHABLE:
                fault = Fault.PASSIVE_BLOCKED
            case _:
                return stopped(error, SERVICE, self._place.port)
        return found(fault, error.detail, low=low, high=high)

    def _right_addresses(self) -> set[str]:
        """What PASV may tell; slicers pass it over for the address that they know."""
        forced = self._case.spec.pasv_address
        return {_ANYWHERE, self._case.told_address, *([str(forced)] if forced else [])}

    async def _verify_job(self) -> Finding:
        return await self._store(VERIFY_JOB, Passive.EPSV)

    async def _upload(self) -> Finding:
        return await self._store(PATTERN, Passive.PASV)

    async def _store(self, content: bytes, how: Passive) -> Finding:
        """Under the name of the slicers' own write test: of up to 1 KiB so named ftps keeps nothing at any time."""
        try:
            door = await self._session.store(PROBE_NAME, content, how)
        except Obstructed as error:
            if error.obstacle is Obstacle.DENIED:
                return found(Fault.STORE_REFUSED, error.detail, service=SERVICE)
            return stopped(error, SERVICE, self._place.port)
        return fine(f"226 for {len(content)} bytes by {how.value}, port {door.port}")

    @property
    def _session(self) -> FtpsProbe:
        assert self._probe is not None  # noqa: S101 - the login came first
        return self._probe
