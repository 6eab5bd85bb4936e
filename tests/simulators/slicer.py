"""A slicer against the running system: from the announcement to the finished Send or Print, gate by gate."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.simulators import detect, discovery
from tests.simulators.device import BUSY_STATES, Device
from tests.simulators.ftps import FtpsSession
from tests.simulators.gates import Blocked, Gate
from tests.simulators.mqtt import Link, Received
from tests.simulators.print_command import job_name, print_command
from tests.simulators.profiles import FTP_FOLDER, Detect, Order, Profile
from tests.simulators.report_rules import report_errors

T = TypeVar("T")

USER = "bblp"
VERIFY_JOB = b"just a test file"
SYNCHRONISING = 15.0
"""Seconds until the Send dialog gives up on the printer's information."""
FIRST_PUSH = 10.0
"""Seconds within which the pushes after CONNACK and SUBACK must be there; they are sent at once, so this is slack."""
JOB_SEQUENCE = "20001"
"""The plugin's own id of a first `project_file`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a printer is to be found."""

    address: str
    detect: int = 3000
    detect_tls: int = 3002
    mqtt: int = 8883
    ftps: int = 990


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that the printer took (226)."""

    filename: str
    sha256: str
    size: int
    address: str
    """Where the upload went, after `net.info` had its say."""
    data_reused: bool | None
    """Whether the data connection resumed the control connection's TLS session; None in cleartext."""
    reply: str


class Slicer:
    """One slicer with one selected printer."""

    def __init__(
        self,
        place: Place,
        *,
        ca_pem: str,
        access_code: str,
        profile: Profile,
        preset: str | None = None,
        remembered_serial: str | None = None,
        source: str | None = None,
        real: bool = False,
    ) -> None:
        """`preset`: the model that files are sliced for, default the printer's. `remembered_serial`: the serial number
        that this slicer still has for the address, if it is not the printer's. `source`: the slicer's own address. `real`: there is a
        real printer behind the address, which reports as it pleases; slicers put up with that."""
        self.place = place
        self.profile = profile
        self._ca = ca_pem
        self._code = access_code
        self._preset = preset
        self._remembered = remembered_serial
        self._source = source
        self._real = real
        self._sequence = profile.first_sequence
        self._seen = 0
        self.detected: detect.Detected | None = None
        self.device = Device(model="")
        self._link: Link | None = None

    # -- finding the printer -------------------------------------------------------------------------------------

    def find(self, ear: discovery.Ear, serial: str) -> discovery.Heard:
        """Pick the printer from the list of those announced."""
        heard = ear.hear(serial)
        self.place = Place(heard.address, self.place.detect, self.place.detect_tls, self.place.mqtt, self.place.ftps)
        return heard

    def add(self) -> detect.Detected:
        """The "add by IP" dialog."""
        if self.profile.detect is Detect.PLAIN:
            self.detected = detect.ask(self.place.address, self.place.detect, ca_pem=None, source=self._source)
        else:
            self.detected = detect.ask(self.place.address, self.place.detect_tls, ca_pem=self._ca, source=self._source)
        self.device.model = self.detected.model
        return self.detected

    @property
    def serial(self) -> str:
        """The serial number that this slicer uses in topics."""
        return self._remembered or self._known.serial

    @property
    def link(self) -> Link:
        """The MQTT connection."""
        assert self._link is not None, "connect() comes first"
        return self._link

    @property
    def _known(self) -> detect.Detected:
        assert self.detected is not None, "add() comes first"
        return self.detected

    # -- MQTT ----------------------------------------------------------------------------------------------------

    def connect(self) -> Device:
        """CONNECT, SUBSCRIBE, pushall, get_version; returns when the slicer regards the printer as ready."""
        self._seen = 0
        named = None if self._remembered else self._known.serial
        self._link = link = Link(
            self.place.address, self.place.mqtt, ca_pem=self._ca, serial=named, source=self._source
        )
        link.connect(f"studio_client_id:{secrets.token_hex(2)}", USER, self._code)
        own = f"device/{self._known.serial}/report"
        if not self._real:
            self._until(lambda got, _: got.topic == own or None, f"a report on {own} right after CONNACK", FIRST_PUSH)
        at = link.subscribe(f"device/{self.serial}/report")
        self._until(lambda got, _: (got.at >= at and self._mine(got)) or None, "a report after SUBACK", FIRST_PUSH)
        self.request({"pushing": {"command": "pushall", "version": 1, "push_target": 1}})
        self._until(lambda got, report: (self._mine(got) and full(report)) or None, "a full report", SYNCHRONISING)
        self._get_version()
        if not self.device.ready:
            raise Blocked(Gate.INFO, f"modules {self.device.modules}")
        if self.profile.pings:
            link.ping()
        return self.device

    def _get_version(self) -> None:
        sequence = self.request({"info": {"command": "get_version"}}, qos=1)

        def answer(got: Received, report: dict[str, Any]) -> bool | None:
            info = report.get("info", {})
            found = (info.get("command"), info.get("sequence_id")) == ("get_version", sequence)
            return (found and self._mine(got)) or None

        try:
            self._until(answer, "the answer to get_version", SYNCHRONISING)
        except Blocked as error:
            raise Blocked(Gate.INFO, error.detail) from error
        boards = [module for module in self.device.modules if "/" not in module["name"] and module["name"] != "ahb"]
        strangers = {module.get("sn") for module in boards} - {self.serial, ""}
        if strangers and not self._real:
            raise Blocked(Gate.INFO, f"modules of {strangers}, the slicer knows {self.serial}")

    def _mine(self, got: Received) -> bool:
        return got.topic == f"device/{self.serial}/report"

    def request(self, body: dict[str, dict[str, Any]], *, qos: int = 0, sequence: str | None = None) -> str:
        """Publish a request; returns its sequence_id."""
        if sequence is None:
            sequence = str(self._sequence)
            self._sequence += 1
        section, content = next(iter(body.items()))
        payload = json.dumps({section: {"sequence_id": sequence, **content}}).encode()
        if self.profile.nul_byte:
            payload += b"\0"
        self.link.publish(f"device/{self.serial}/request", payload, qos)
        return sequence

    def ask(self, body: dict[str, dict[str, Any]], timeout: float = 20.0) -> dict[str, Any]:
        """Publish a request and return the section of the report that answers it."""
        section = next(iter(body))
        sequence = self.request(body)

        def answer(_got: Received, report: dict[str, Any]) -> dict[str, Any] | None:
            found = report.get(section, {})
            wanted = (body[section]["command"], sequence)
            return found if (found.get("command"), found.get("sequence_id")) == wanted else None

        return self._until(answer, f"the answer to {section}.{body[section]['command']}", timeout)

    def watch(self, condition: Callable[[Device], bool], what: str, timeout: float = 10.0) -> None:
        """Follow the reports until the device is as wanted."""
        self.catch_up()
        if not condition(self.device):
            self._until(lambda _got, _report: condition(self.device) or None, what, timeout)

    def await_pushes(self, count: int, timeout: float = 10.0) -> None:
        """Wait for so many more status reports."""
        self.catch_up()
        wanted = self.device.pushes + count
        self.watch(lambda device: device.pushes >= wanted, f"{count} more reports", timeout)

    def catch_up(self) -> None:
        """Take in the reports that came meanwhile."""
        waiting = self.link.received[self._seen :]
        for got in waiting:
            self._take(got)
        if self.link.closed is not None:
            raise Blocked(Gate.OFFLINE, self.link.closed)

    def _until(self, pick: Callable[[Received, dict[str, Any]], T | None], what: str, timeout: float) -> T:
        until = time.monotonic() + timeout
        while True:
            left = max(until - time.monotonic(), 0.0)
            got = self.link.wait_for(lambda message: message, what, since=self._seen, timeout=left)
            found = pick(got, self._take(got))
            if found is not None:
                return found

    def _take(self, got: Received) -> dict[str, Any]:
        self._seen += 1
        report = self.device.take(got.payload)
        if not self._real and (wrong := report_errors(report, self.device.model)):
            raise Blocked(Gate.INFO, f"{self.device.model}: " + "; ".join(wrong))
        return report

    # -- Send and Print ------------------------------------------------------------------------------------------

    @property
    def preset(self) -> str:
        """The model that files are sliced for."""
        return self._preset or self.device.model

    def send(self, filename: str, content: bytes) -> Sent:
        """The "Send" button."""
        self.catch_up()
        self.device.may_send(self.preset)
        self.upload("verify_job", VERIFY_JOB)
        return self.upload(filename, content)

    def print(self, filename: str, content: bytes, *, plate: int = 1) -> Sent:
        """The "Print" button; returns when the printer shows the job as finished."""
        self._await_free()
        self.device.may_print(self.preset)
        folder = FTP_FOLDER.get(self.device.model, "")
        self.upload("verify_job", VERIFY_JOB)
        if self.profile.order is Order.COMMAND_FIRST:
            self.project_file(filename, plate, folder)
            sent = self.upload(filename, content, folder=folder)
        else:
            sent = self.upload(filename, content, folder=folder)
            self.project_file(filename, plate, folder)
        self._await_finish(job_name(filename))
        return sent

    def _await_free(self) -> None:
        """The dialog looks again with every report: what was just sent may still be under way."""
        try:
            self.watch(lambda device: device.state not in BUSY_STATES, "a printer that is not busy", 20)
        except Blocked as error:
            raise Blocked(Gate.BUSY, error.detail) from error

    def upload(self, filename: str, content: bytes, *, folder: str = "") -> Sent:
        """One FTPS session with one file, at the address that the reports name."""
        address = self.device.address(self.place.address)
        with self.ftps(address) as session:
            session.login(USER, self._code)
            reply = session.store(filename, content, folder=folder)
            session.quit()
            reused = session.data_reused
        return Sent(filename, sha256(content).hexdigest(), len(content), address, reused, reply.text)

    def ftps(self, address: str | None = None) -> FtpsSession:
        """A fresh control connection."""
        return FtpsSession(
            address or self.place.address,
            self.place.ftps,
            ca_pem=self._ca,
            serial=self._known.serial,
            data_tls=self.profile.data_tls,
            source=self._source,
        )

    def project_file(self, filename: str, plate: int = 1, folder: str = "", **more: Any) -> dict[str, Any]:
        """The print command; returns its acknowledgement."""
        command = {**print_command(filename, plate, folder), **more}
        sequence = self.request({"print": command}, sequence=JOB_SEQUENCE)

        def acknowledged(got: Received, report: dict[str, Any]) -> dict[str, Any] | None:
            found: dict[str, Any] = report.get("print", {})
            mine = (found.get("command"), found.get("sequence_id")) == ("project_file", sequence)
            return found if self._mine(got) and mine else None

        try:
            answer = self._until(acknowledged, "the acknowledgement of project_file", 20)
        except Blocked as error:
            raise Blocked(Gate.PUBLISH, error.detail) from error
        if str(answer.get("result")).lower() != "success":
            raise Blocked(Gate.PUBLISH, f"result={answer.get('result')}, reason={answer.get('reason')}")
        return answer

    def _await_finish(self, job: str) -> None:
        """The dialog is released only by FINISH with the slicer's own name, and stuck if IDLE comes after PREPARE."""
        began = len(self.device.states)

        def finished(_got: Received, report: dict[str, Any]) -> bool | None:
            if report.get("print", {}).get("command") != "push_status":
                return None
            if self.device.state == "IDLE" and "PREPARE" in {state for state, _, _ in self.device.states}:
                raise Blocked(Gate.PROGRESS, f"back to IDLE: {self.device.states[began:]}")
            return (self.device.state, self.device.status.get("subtask_name")) == ("FINISH", job) or None

        try:
            self._until(finished, f"FINISH of {job!r}", 30)
        except Blocked as error:
            raise Blocked(Gate.PROGRESS, f"{error.detail}; states {self.device.states[began:]}") from error

    # -- the end -------------------------------------------------------------------------------------------------

    def close(self, *, polite: bool = True) -> None:
        """Close the slicer."""
        if self._link is not None:
            self._link.close(polite=polite)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def full(report: dict[str, Any]) -> bool:
    """Whether a report is a full push_status."""
    push = report.get("print", {})
    return bool(push.get("command") == "push_status" and push.get("msg", 0) == 0)
