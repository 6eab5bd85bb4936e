"""Where a slicer gives up, and what it then shows."""

from enum import StrEnum


class Gate(StrEnum):
    """A step at which a slicer stops; the value is what its user reads."""

    DISCOVERY = "the printer does not appear in the list"
    CONNECT = "Failed to connect to printer."
    LOGIN_REQUEST = "Failed to publish login request."
    BOUND = "The printer has already been bound."
    NOT_LAN = "The printer's mode is incorrect, please switch to LAN Only"
    TRUST = "Connect failed! [code=-1]"
    ACCESS_CODE = "Incorrect password"
    MQTT = "Connect failed! [code=N]"
    OFFLINE = "The printer is offline"
    INFO = "Synchronizing device information time out"
    COMPATIBLE = "The selected printer is incompatible with the chosen printer presets"
    UPGRADING = "Cannot send the print job while the printer is updating firmware"
    SEND_CAPABILITY = "The printer does not support sending to printer storage"
    STORAGE = "Storage needs to be inserted before send to printer"
    STORAGE_STATE = "Storage is not in normal state"
    TUNNEL = "Connection of the file tunnel failed"
    SIGNED = "The printer wants signed commands"
    BUSY = "The printer is busy with another job"
    NOZZLE = "Invalid nozzle information"
    IP_AND_CODE = "Connection failed, please double check IP and Access Code"
    UPLOAD = "Failed to send [code=-5010]"
    PUBLISH = "Failed to publish the print job [code=-4030]"
    PROGRESS = "Downloading 0 %"


class Blocked(Exception):  # noqa: N818 - what a user would say: the slicer blocked it
    """A slicer would stop here."""

    def __init__(self, gate: Gate, detail: str) -> None:
        self.gate = gate
        self.detail = detail
        super().__init__(f"{gate.value} ({detail})")
