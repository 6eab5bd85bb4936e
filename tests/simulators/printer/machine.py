"""The machine behind the sockets: its status, its print job, and what it answers. No I/O, no clock of its own."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from tests.simulators.printer.reports import Json, as_number, full_report, is_legacy, modules
from vprinter_common.catalog import Model

QUERIES = frozenset(
    {
        ("pushing", "pushall"),
        ("pushing", "start"),
        ("pushing", "stop"),
        ("info", "get_version"),
        ("system", "get_access_code"),
        ("security", "app_cert_install"),
        ("print", "extrusion_cali_get"),
        ("camera", "ipcam_get_media_info"),
    }
)
"""Everything else changes something, so in signed mode it must be signed."""
SECTIONS = frozenset({"print", "system", "camera", "xcam", "upgrade"})
NOT_SIGNED = 84033543
PREPARING = 0.2
"""The part of a job's time that the printer prepares for."""
LAYERS = 42


class Machine:
    """One printer's state. `report` is the whole `print` object; tests may change it, the next push says so."""

    def __init__(
        self,
        model: Model,
        serial: str,
        address: str,
        access_code: str,
        *,
        clock: Callable[[], float],
        signed: bool = False,
        other_addresses: tuple[str, ...] = (),
        print_seconds: float = 3.0,
    ) -> None:
        self.model = model
        self.serial = serial
        self.access_code = access_code
        self.signed = signed
        self.print_seconds = print_seconds
        self.report = full_report(model, serial, address, others=other_addresses, signed=signed)
        self._pushed: Json = {}
        self._clock = clock
        self._sequence = 0
        self._started: float | None = None
        self._paused_at: float | None = None

    def moved(self, address: str) -> None:
        """The printer has another address now."""
        self.report["net"]["info"][0]["ip"] = as_number(address)
        if "rtsp_url" in self.report["ipcam"]:
            self.report["ipcam"]["rtsp_url"] = f"rtsps://{address}:322/streaming/live/1"

    # -- what it says --------------------------------------------------------------------------------------------

    def full(self) -> Json:
        """A full push_status."""
        self._advance()
        self._pushed = deepcopy(self.report)
        return {"print": {**self._pushed, **self._head(0)}}

    def delta(self) -> Json:
        """A push_status of what changed since the last one; temperatures are always in it."""
        self._advance()
        self.report["nozzle_temper"] = round(
            self.report["nozzle_temper"] + (0.03125 if self._sequence % 2 else -0.03125), 5
        )
        always = {"nozzle_temper", "bed_temper"}
        # Compared as it was copied: what a test changes meanwhile, in another thread, is for the next one.
        before, self._pushed = self._pushed, deepcopy(self.report)
        changed = {key: value for key, value in self._pushed.items() if key in always or before.get(key, ...) != value}
        return {"print": {**changed, **self._head(1)}}

    def part(self, fields: Json) -> Json:
        """A push_status of exactly these fields, which do not become part of the state."""
        return {"print": {**fields, **self._head(1)}}

    def _head(self, msg: int) -> Json:
        self._sequence += 1
        return {"command": "push_status", "msg": msg, "sequence_id": str(self._sequence)}

    # -- what it does --------------------------------------------------------------------------------------------

    def answer(self, payload: bytes) -> Iterator[Json]:
        """Everything said in answer to a request, in order; nothing to what is not understood."""
        try:
            request = json.loads(payload.rstrip(b"\0"))
            section, body = next((key, value) for key, value in request.items() if key not in ("header", "user_id"))
            command, sequence = body["command"], body.get("sequence_id", "0")
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
            return
        if self.signed and (section, command) not in QUERIES and "sign_string" not in request.get("header", {}):
            if not is_legacy(self.model):
                yield {
                    section: {
                        "command": command,
                        "sequence_id": sequence,
                        "result": "failed",
                        "reason": "mqtt message verify failed",
                        "err_code": NOT_SIGNED,
                    }
                }
            return
        yield from self._answer(section, command, sequence, body)

    def _answer(self, section: str, command: str, sequence: str, body: Json) -> Iterator[Json]:
        echo: Json = {"command": command, "sequence_id": sequence, "result": "success"}
        match section, command:
            case "pushing", "pushall" | "start":
                yield self.full()
            case "info", "get_version":
                yield {"info": {**echo, "module": modules(self.model, self.serial), "reason": ""}}
            case "system", "get_access_code":
                yield {"system": {**echo, "access_code": self.access_code}}
            case "security", "app_cert_install" if not is_legacy(self.model):
                yield {"security": {**echo, "result": "SUCCESS"}}
            case "print", "extrusion_cali_get":
                wanted = {key: body.get(key, "") for key in ("filament_id", "nozzle_diameter")}
                profile = {"cali_idx": 1, "filament_id": "GFA00", "k_value": "0.020", "n_coef": "1.400", "name": "Ours"}
                yield {"print": {**echo, **wanted, "filaments": [profile], "reason": ""}}
            case "camera", "ipcam_get_media_info":
                yield {"camera": {**echo, "result": 0}}
            case "print", "project_file" | "gcode_file":
                yield {"print": {**body, "result": "success", "reason": ""}}
                self._start(str(body.get("file", "")), str(body.get("subtask_name", "")))
                yield self.delta()
            case "print", "stop" | "pause" | "resume":
                self._control(command)
                yield {"print": {**echo, "param": "", "reason": ""}}
                yield self.delta()
            case _ if section in SECTIONS:
                yield {section: {**body, "result": "success", "reason": ""}}

    def _start(self, file: str, job: str) -> None:
        self._started, self._paused_at = self._clock(), None
        self.report |= {
            "gcode_state": "PREPARE",
            "gcode_file": file,
            "subtask_name": job,
            "gcode_file_prepare_percent": "0",
            "mc_percent": 0,
            "print_type": "local",
            "total_layer_num": LAYERS,
        }

    def _control(self, command: str) -> None:
        if self._started is None:
            return
        match command:
            case "pause" if self._paused_at is None:
                self._paused_at = self._clock()
                self.report["gcode_state"] = "PAUSE"
            case "resume" if self._paused_at is not None:
                self._started += self._clock() - self._paused_at
                self._paused_at = None
                self.report["gcode_state"] = "RUNNING"
            case "stop":
                self._started = self._paused_at = None
                self.report |= {"gcode_state": "FAILED", "print_type": "idle"}

    def _advance(self) -> None:
        """Let the print job go on."""
        if self._started is None or self._paused_at is not None:
            return
        part = min((self._clock() - self._started) / self.print_seconds, 1.0)
        if part < PREPARING:
            self.report["gcode_file_prepare_percent"] = str(int(part / PREPARING * 100))
            return
        done = (part - PREPARING) / (1 - PREPARING)
        # However long ago it was last asked: no printer goes from PREPARE to FINISH without a word in between.
        running = part < 1 or self.report["gcode_state"] == "PREPARE"
        self.report |= {
            "gcode_state": "RUNNING" if running else "FINISH",
            "gcode_file_prepare_percent": "100",
            "mc_percent": int(done * 100),
            "mc_remaining_time": int(self.print_seconds * (1 - part) / 60),
            "layer_num": int(done * LAYERS),
        }
        if not running:
            self._started = None
            self.report["print_type"] = "idle"

    def summary(self) -> dict[str, Any]:
        """State, job and percent, for people."""
        return {key: self.report[key] for key in ("gcode_state", "subtask_name", "mc_percent")}
