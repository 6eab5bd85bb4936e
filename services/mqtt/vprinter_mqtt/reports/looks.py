"""What differs between models in a status report, beyond the style of it."""

from collections.abc import Mapping
from dataclasses import dataclass

IDLE_STAGE = -1


@dataclass(frozen=True, slots=True)
class Look:
    """The traits of one model's report."""

    stage: int
    """`stg_cur` of an idle printer: -1, 0 or 255 by family."""
    nozzle: str
    """`nozzle_type`."""
    head: str = ""
    """`device.nozzle.info[].type`; new-protocol models only."""
    ver: str = ""
    """`ver`, the version of the report's own format."""
    print_type: str = "idle"
    lights: tuple[str, ...] = ("chamber_light",)
    chamber: bool = True
    """Whether the chamber is measured; those that cannot always say 5 degrees."""
    rack: bool = False
    """Whether there is a nozzle rack (`device.holder`)."""
    vt_tray: bool = False
    """Whether the external spool is shown as `vt_tray` too, besides `vir_slot`."""


_LIGHTS = ("chamber_light", "work_light")
_LIGHTS_H2 = (*_LIGHTS, "chamber_light2")
_X1 = Look(IDLE_STAGE, "hardened_steel", head="HX01", ver="20010", print_type="", lights=_LIGHTS, vt_tray=True)
_P1 = Look(255, "stainless_steel", chamber=False)
_A1 = Look(0, "stainless_steel", chamber=False)
_H2D = Look(IDLE_STAGE, "HS01", head="HS01", ver="20018", print_type="", lights=_LIGHTS_H2)
_H2C = Look(IDLE_STAGE, "HS01", head="HS01", ver="20000", print_type="", lights=_LIGHTS_H2, rack=True)

LOOKS: Mapping[str, Look] = {
    "BL-P001": _X1,
    "BL-P002": _X1,
    "C13": _X1,
    "C11": _P1,
    "C12": _P1,
    "N2S": _A1,
    "N1": _A1,
    "N9": Look(0, "stainless_steel", head="HA00", ver="20020", chamber=False),
    "N7": Look(IDLE_STAGE, "HS01", head="HS01", ver="20010", print_type="", lights=_LIGHTS),
    "N6": Look(IDLE_STAGE, "HS01", head="HS01", ver="20018", print_type="", lights=_LIGHTS),
    "O1D": _H2D,
    "O1E": Look(IDLE_STAGE, "HS05", head="HS05", ver="20018", print_type="", lights=_LIGHTS_H2),
    "O1S": Look(IDLE_STAGE, "HS01", head="HS01", ver="2000A", print_type="", lights=_LIGHTS_H2),
    "O1C": _H2C,
    "O1C2": _H2C,
}
"""By the catalog's code."""
