"""Why a relayed session ended."""

from enum import StrEnum


class Closed(StrEnum):
    """Why a session ended."""

    LEFT = "slicer_left"
    NO_CONNECT = "no_connect"
    NOT_READING = "not_reading"
    VIOLATION = "slicer_violation"
    BRAKED = "braked"
    WRONG_CODE = "wrong_code"
    FULL = "full"
    STOPPED = "stopped"
    DISCONNECTED = "disconnected"
    """A person wanted it."""
    TROUBLE = "printer_trouble"
    """It could not be reached, or takes no further session."""
    PRINTER_LEFT = "printer_left"
    PRINTER_SILENT = "printer_silent"
    PRINTER_NOT_READING = "printer_not_reading"
    PRINTER_VIOLATION = "printer_violation"


AT_ONCE = frozenset({Closed.NOT_READING, Closed.DISCONNECTED})
"""Who does not read would keep the connection open, and so could who is to be kept out."""
