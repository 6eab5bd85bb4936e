"""Kinds of slicers, as data: how each one's habits on the wire differ."""

from dataclasses import dataclass
from enum import StrEnum


class Detect(StrEnum):
    """Which of the two detect ports a slicer uses."""

    PLAIN = "3000"
    TLS = "3002"


class DataTls(StrEnum):
    """What a slicer does on the FTP data connection after PROT P."""

    ON_CONNECT = "the ClientHello goes out at once"
    AFTER_150 = "the ClientHello goes out after the 150"
    NEVER = "cleartext in spite of PROT P"


class Order(StrEnum):
    """Where `project_file` stands in a Print."""

    FILE_FIRST = "verify_job, file, project_file"
    COMMAND_FIRST = "project_file, file"


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of slicer."""

    name: str
    detect: Detect
    data_tls: DataTls
    order: Order
    nul_byte: bool = False
    """Ends MQTT payloads with a NUL byte."""
    pings: bool = True
    """Sends PINGREQ when idle."""
    first_sequence: int = 20000


STUDIO_27 = Profile("Bambu Studio 2.7", Detect.PLAIN, DataTls.AFTER_150, Order.FILE_FIRST)
STUDIO_OLD = Profile("Bambu Studio 2.6", Detect.PLAIN, DataTls.ON_CONNECT, Order.COMMAND_FIRST)
ORCA = Profile(
    "OrcaSlicer", Detect.TLS, DataTls.AFTER_150, Order.FILE_FIRST, nul_byte=True, pings=False, first_sequence=20014
)
ORCA_CLEARTEXT = Profile(
    "OrcaSlicer, cleartext data",
    Detect.TLS,
    DataTls.NEVER,
    Order.FILE_FIRST,
    nul_byte=True,
    pings=False,
    first_sequence=20014,
)

PROFILES = (STUDIO_27, STUDIO_OLD, ORCA, ORCA_CLEARTEXT)

COMPATIBLE: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        ("BL-P001", "BL-P002", "C11", "C12", "C13"), frozenset({"BL-P001", "BL-P002", "C11", "C12", "C13"})
    ),
    **dict.fromkeys(("O1D", "O1E"), frozenset({"O1D", "O1E"})),
    **dict.fromkeys(("O1C", "O1C2"), frozenset({"O1C", "O1C2"})),
    **{code: frozenset({code}) for code in ("N1", "N2S", "N6", "N7", "N9", "O1S")},
}
"""Printer model -> presets whose files it takes, from the slicers' own model files."""

FTP_FOLDER = dict.fromkeys(("C11", "C12", "N1", "N2S", "N9"), "sdcard")
"""Where Print puts the file; the other models take it at the login directory, as Send does for all."""

SEND_SINCE = {"BL-P001": (1, 1, 1, 0), "BL-P002": (1, 1, 1, 0), "C11": (1, 2, 0, 0)}
"""Firmware from which on the slicers' model files allow sending to storage; the other models always do."""

TWO_NOZZLES = frozenset({"O1D", "O1E", "O1C", "O1C2", "N6"})
"""Models whose Print dialog maps filaments to a left and a right nozzle."""
