"""The `get_version` answer: which boards a model has and what runs on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from vprinter_common.catalog import Model, ReportStyle

OTA_FLAG = 3


@dataclass(frozen=True, slots=True)
class Board:
    """A module of the machine, as captured."""

    name: str
    hardware: str
    software: str
    loader: str = "00.00.00.00"


_X1 = (
    Board("mc", "MC07", "00.00.32.89", "00.00.00.28"),
    Board("th", "TH09", "00.00.07.12", "00.00.00.14"),
    Board("ap", "AP05", "00.00.50.76", "00.00.01.08"),
)
_P1 = (
    Board("esp32", "AP04", "01.11.35.64"),
    Board("mc", "MC07", "00.01.32.85", "00.00.00.23"),
    Board("th", "TH09", "00.00.09.95", "00.00.00.14"),
)
_A1 = (
    Board("esp32", "AP05", "01.13.33.99"),
    Board("mc", "MC02", "00.01.29.83", "00.00.00.32"),
    Board("th", "TH01", "00.00.07.69", "00.00.00.26"),
)
_A2L = (
    Board("ap", "AP03", "01.12.50.02"),
    Board("mc", "MC04", "01.01.90.49", "00.01.02.37"),
    Board("th", "TH03", "01.01.27.00", "00.00.10.13"),
    Board("smc", "SMC03", "01.01.18.97", "00.00.06.03"),
)
_P2S = (
    Board("th", "TH03", "02.00.20.82", "00.00.00.10"),
    Board("smc", "SMC01", "02.00.13.93", "00.00.06.03"),
    Board("mc", "MC06", "01.00.69.85", "00.01.02.07"),
    Board("ap", "AP04", "00.00.69.32", "00.00.01.11"),
)
_X2D = (
    Board("th", "TH06", "02.00.27.16", "00.00.07.10"),
    Board("smc", "SMC03", "02.00.18.23", "00.00.06.03"),
    Board("mc", "MC12", "02.00.90.74", "00.01.02.31"),
    Board("ap2", "AP04", "00.00.36.49", "00.00.02.04"),
)
_H2D = (
    Board("mc", "MC09", "02.05.57.52", "02.05.57.52"),
    Board("th", "TH08", "02.01.17.55", "00.00.17.22"),
    Board("ext", "EXT07", "00.00.08.18", "00.00.01.00"),
    Board("smc", "SMC09", "02.01.12.00", "00.00.09.26"),
    Board("ap", "AP05", "00.00.51.98", "00.00.01.11"),
)
_H2D_PRO = (
    Board("mc", "MC09", "02.00.65.27", "02.00.65.27"),
    Board("th", "TH08", "02.00.19.33", "00.00.17.22"),
    Board("ext", "EXT07", "00.00.08.18", "00.00.01.00"),
    Board("smc", "SMC09", "02.01.12.02", "00.00.09.26"),
    Board("ap", "AP01", "00.00.67.21", "00.00.01.11"),
)
_H2S = (
    Board("mc", "MC09", "02.00.65.20", "02.00.65.20"),
    Board("th", "TH04", "02.00.19.33", "00.00.01.01"),
    Board("smc", "SMC09", "02.01.12.02", "00.00.09.26"),
    Board("ap", "AP05", "00.00.65.32", "00.00.01.11"),
)
_H2C = (
    Board("mc", "MC09", "02.00.71.23", "02.00.71.23"),
    Board("th", "TH08", "01.00.20.63", "00.00.17.22"),
    Board("ext", "EXT07", "00.00.08.18", "00.00.01.00"),
    Board("smc", "SMC09", "00.00.13.57", "00.00.09.26"),
    Board("tm", "TM03", "00.00.12.26", "00.00.01.01"),
    Board("ap2", "AP05", "00.00.16.83", "00.00.02.02"),
)

BOARDS: Mapping[str, tuple[Board, ...]] = {
    "BL-P001": _X1,
    "BL-P002": _X1,
    "C13": _X1,
    "C11": _P1,
    "C12": _P1,
    "N2S": _A1,
    "N1": _A1,
    "N9": _A2L,
    "N7": _P2S,
    "N6": _X2D,
    "O1D": _H2D,
    "O1E": _H2D_PRO,
    "O1S": _H2S,
    "O1C": _H2C,
    "O1C2": _H2C,
}
"""By the catalog's code; AMS units and accessories are left out, as none is attached."""


def modules(model: Model, serial: str) -> list[dict[str, object]]:
    """`module[]`, `ota` first. Every `sn` is the effective serial: an empty one makes slicers ask again and again.

    There is no `new_ver`, which would offer an update.
    """
    ota_hardware = "N/A" if _runs_linux(model) else "OTA"
    ota = _module(Board("ota", ota_hardware, model.firmware), serial)
    ota |= {"product_name": model.version_name, "visible": True, "flag": OTA_FLAG}
    listed = [ota, *(_module(board, serial) for board in BOARDS[model.code])]
    if model.report is ReportStyle.LEGACY:
        # Tools that are older than `product_name` tell the P1 and A1 models apart by this.
        listed = [module | {"project_name": model.code} for module in listed]
    return listed


def _runs_linux(model: Model) -> bool:
    return model.flags.flag3 is None


def _module(board: Board, serial: str) -> dict[str, object]:
    return {
        "name": board.name,
        "product_name": "",
        "sw_ver": board.software,
        "hw_ver": board.hardware,
        "loader_ver": board.loader,
        "sn": serial,
        "visible": False,
        "flag": 0,
    }
