"""What a slicer knows of a printer from its reports, and the gates that it derives from them."""

import json
import struct
from dataclasses import dataclass, field
from socket import inet_ntoa
from typing import Any

from tests.simulators.gates import Blocked, Gate
from tests.simulators.profiles import COMPATIBLE, SEND_SINCE, TWO_NOZZLES

SIGNED, TUNNEL_SEND = 29, 31
"""Bits of `fun`: commands must be signed; Send goes through the file tunnel first."""
TUNNEL_PRINT = 0
"""Bit of `fun2`: Print goes through the file tunnel first."""
NORMAL = 1
BUSY_STATES = frozenset({"RUNNING", "PAUSE", "SLICING", "PREPARE"})


@dataclass(slots=True)
class Device:
    """The machine as the slicer sees it. `model` comes from the announcement or from detect."""

    model: str
    status: dict[str, Any] = field(default_factory=dict)
    modules: list[dict[str, Any]] = field(default_factory=list)
    pushes: int = 0
    full_pushes: int = 0
    states: list[tuple[str, str, str]] = field(default_factory=list)
    """Each new (gcode_state, subtask_name, gcode_file_prepare_percent)."""

    def take(self, payload: bytes) -> dict[str, Any]:
        """Take in one report; returns its JSON."""
        report: dict[str, Any] = json.loads(payload)
        if "print" in report and report["print"].get("command") == "push_status":
            self._take_status(report["print"])
        if "info" in report and report["info"].get("command") == "get_version":
            self.modules = report["info"]["module"]
        return report

    def _take_status(self, push: dict[str, Any]) -> None:
        self.pushes += 1
        if push.get("msg", 0) == 0:
            self.full_pushes += 1
            self.status = push
        else:
            self.status = self.status | push
        state = (self.state, str(self.status.get("subtask_name")), str(self.status.get("gcode_file_prepare_percent")))
        if not self.states or self.states[-1] != state:
            self.states.append(state)

    # -- what it says --------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """gcode_state."""
        return str(self.status.get("gcode_state"))

    @property
    def ready(self) -> bool:
        """Whether the slicer regards its information as complete."""
        if not self.modules or not self.full_pushes:
            return False
        named = [module for module in self.modules if module.get("name") not in ("ota", "xm")]
        return all(module.get("sw_ver") for module in self.modules) and all(module.get("sn") for module in named)

    @property
    def firmware(self) -> tuple[int, ...]:
        """Version of module `ota`."""
        found = next((module["sw_ver"] for module in self.modules if module["name"] == "ota"), "0")
        return tuple(int(part) for part in found.split("."))

    @property
    def new_protocol(self) -> bool:
        """Whether the newer bit fields count."""
        return all(key in self.status for key in ("cfg", "fun", "aux", "stat"))

    @property
    def storage(self) -> int:
        """0 none, 1 normal, 2 abnormal, 3 read-only: each source overrides the one before."""
        state = NORMAL if self.status.get("sdcard") is True else 0
        if "home_flag" in self.status:
            state = self.status["home_flag"] >> 8 & 3
        if self.new_protocol:
            state = int(self.status["aux"], 16) >> 12 & 3
        return state

    def fun_bit(self, bit: int) -> bool:
        """A bit of `fun`; legacy printers have none."""
        return self.new_protocol and bool(int(self.status["fun"], 16) >> bit & 1)

    def fun2_bit(self, bit: int) -> bool:
        """A bit of `fun2`, which may be missing."""
        return bool(int(self.status.get("fun2", "0"), 16) >> bit & 1)

    def address(self, typed: str) -> str:
        """The address for files: the last non-zero one of `net.info` replaces what the user typed."""
        for entry in self.status.get("net", {}).get("info", []):
            if "ip" not in entry:
                break
            if entry["ip"]:
                typed = inet_ntoa(struct.pack("<I", entry["ip"]))
        return typed

    # -- gates ---------------------------------------------------------------------------------------------------

    def may_send(self, preset: str) -> None:
        """The gates of "Send", in the dialog's order."""
        if not self.ready:
            raise Blocked(Gate.INFO, f"{len(self.modules)} modules, {self.full_pushes} full reports")
        if "device" in self.status and self.status["device"].get("type") != 1:
            raise Blocked(Gate.COMPATIBLE, f"device.type is {self.status['device'].get('type')!r}")
        if preset not in COMPATIBLE[self.model]:
            raise Blocked(Gate.COMPATIBLE, f"sliced for {preset}, the printer is a {self.model}")
        upgrade = self.status.get("upgrade_state", {})
        if upgrade.get("dis_state", 0) != 0 or upgrade.get("status", "IDLE") not in ("", "IDLE"):
            raise Blocked(Gate.UPGRADING, str(upgrade))
        if self.firmware < SEND_SINCE.get(self.model, ()):
            raise Blocked(Gate.SEND_CAPABILITY, f"firmware {self.firmware}")
        if self.fun_bit(SIGNED):
            raise Blocked(Gate.SIGNED, f"fun={self.status['fun']}")
        if self.fun_bit(TUNNEL_SEND):
            raise Blocked(Gate.TUNNEL, f"fun={self.status['fun']}: Send would try port 6000 first")
        self._storage_is_normal()

    def may_print(self, preset: str) -> None:
        """The further gates of "Print"."""
        self.may_send(preset)
        if self.state in BUSY_STATES or self.status.get("print_type") == "system":
            raise Blocked(Gate.BUSY, f"gcode_state={self.state}, print_type={self.status.get('print_type')}")
        if self.fun2_bit(TUNNEL_PRINT):
            raise Blocked(Gate.TUNNEL, f"fun2={self.status['fun2']}: Print would try port 6000 first")
        if not self.status.get("nozzle_diameter") or not self.status.get("nozzle_type"):
            raise Blocked(Gate.NOZZLE, "nozzle_diameter or nozzle_type is missing")
        if self.model in TWO_NOZZLES:
            self._has_two_nozzles()

    def _storage_is_normal(self) -> None:
        if self.storage == 0:
            raise Blocked(Gate.STORAGE, f"home_flag={self.status.get('home_flag')}, aux={self.status.get('aux')}")
        if self.storage != NORMAL:
            raise Blocked(Gate.STORAGE_STATE, f"storage state {self.storage}")

    def _has_two_nozzles(self) -> None:
        device = self.status.get("device", {})
        extruder = device.get("extruder", {})
        heads = extruder.get("state", 0) & 15
        if heads != 2 or len(extruder.get("info", [])) != 2 or len(device.get("nozzle", {}).get("info", [])) < 2:
            raise Blocked(Gate.NOZZLE, f"two heads expected: extruder={extruder}, nozzle={device.get('nozzle')}")
