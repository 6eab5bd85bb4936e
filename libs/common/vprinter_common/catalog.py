"""Printer models: what each one calls itself on the wire, and the serial numbers made for them.

Codes, prefixes, flag values and versions are restated from captures of real reports where one exists; a comment marks
what no capture shows.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType

SUFFIX_DIGITS = 9
"""A serial number is a prefix of six characters and this many digits."""


class ReportStyle(StrEnum):
    """How a model writes its status report."""

    LEGACY = "legacy"
    """P1 and A1 families: no `cfg`, `fun`, `aux`, `stat`; a `flag3` instead."""
    NEW_PROTOCOL = "new_protocol"
    """All four of `cfg`, `fun`, `aux`, `stat` exist, so slicers take `aux` for the storage state and read `device`."""


class Storage(StrEnum):
    """What a model stores files on."""

    SD_CARD = "sd_card"
    USB = "usb"
    EMMC = "emmc"


@dataclass(frozen=True, slots=True)
class Flags:
    """Bit fields of the status report, as an idle printer with storage in it sends them.

    The hexadecimal strings carry no 0x. In `fun`, bit 29 (commands must be signed) and bit 31 (transfer over port 6000)
    are clear, in `fun2` bit 0 (print over port 6000) and bit 17 (internal storage): so slicers send over FTPS, unsigned.
    """

    home_flag: int
    fun: str | None = None
    fun2: str | None = None
    cfg: str | None = None
    aux: str | None = None
    stat: str | None = None
    flag3: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A printer model. `code` is what goes on the wire; `aliases` are other names that `model()` understands."""

    code: str
    name: str
    product_name: str
    serial_prefix: str
    firmware: str
    report: ReportStyle
    camera_port: int
    """322: RTSPS; 6000: the chamber camera's own protocol."""
    storage: tuple[Storage, ...]
    flags: Flags
    nozzles: int = 1
    aliases: tuple[str, ...] = ()
    version_name: str = field(default="")
    """`product_name` in `get_version`; the same as `product_name` unless a capture says otherwise."""

    def __post_init__(self) -> None:
        if not self.version_name:
            object.__setattr__(self, "version_name", self.product_name)


class UnknownModel(ValueError):  # noqa: N818 - the name the other rooms know it by
    """No model has this code or alias."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        known = ", ".join(f"{item.code} ({item.name})" for item in MODELS)
        super().__init__(f"unknown printer model {wanted[:64]!r}; choose one of {known}")


_CARD = (Storage.SD_CARD,)
_STICK = (Storage.USB, Storage.EMMC)

_X1_FLAGS = Flags(home_flag=-1067070064, fun="11030F9CFB", cfg="FB299", aux="280100C", stat="7A58000")
_P1_FLAGS = Flags(home_flag=224477464, flag3=671)
# The H2C was captured without a USB stick: its storage bits are set here as the other H2 models have them.
_H2C_FLAGS = Flags(
    home_flag=-1066969704, fun="14023FF10FFF9CB7", fun2="E", cfg="5457DA1B", aux="2001004", stat="600258000"
)

MODELS: tuple[Model, ...] = (
    Model(
        code="BL-P001",
        name="X1C",
        product_name="Bambu Lab X1 Carbon",
        serial_prefix="00M00A",
        firmware="01.09.00.01",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_CARD,
        flags=_X1_FLAGS,
        aliases=("3DPrinter-X1-Carbon", "X1-Carbon"),
        version_name="Bambu Lab X1-Carbon",
    ),
    Model(
        code="BL-P002",
        name="X1",
        product_name="Bambu Lab X1",
        serial_prefix="00W00A",
        firmware="01.09.00.01",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_CARD,
        flags=_X1_FLAGS,
        aliases=("3DPrinter-X1",),
    ),
    Model(
        code="C13",
        name="X1E",
        product_name="Bambu Lab X1E",
        serial_prefix="03W00A",
        firmware="01.09.00.01",  # no capture; at least 01.05.06.06, where the slicers' profile of the model begins
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_CARD,
        flags=_X1_FLAGS,
    ),
    Model(
        code="C11",
        name="P1P",
        product_name="Bambu Lab P1P",
        serial_prefix="01S00A",
        firmware="01.08.02.00",
        report=ReportStyle.LEGACY,
        camera_port=6000,
        storage=_CARD,
        flags=_P1_FLAGS,
    ),
    Model(
        code="C12",
        name="P1S",
        product_name="Bambu Lab P1S",
        serial_prefix="01P00A",
        firmware="01.08.02.00",
        report=ReportStyle.LEGACY,
        camera_port=6000,
        storage=_CARD,
        flags=_P1_FLAGS,
    ),
    Model(
        code="N7",
        name="P2S",
        product_name="Bambu Lab P2S",
        serial_prefix="22E00A",
        firmware="01.02.00.00",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_STICK,
        # Captured while printing: recording (home_flag bit 5, stat bit 7) and the printing bits of stat are cleared.
        flags=Flags(
            home_flag=-1067100776, fun="60029FD103FF9CB7", fun2="0", cfg="10017DAB9", aux="2801004", stat="258000"
        ),
    ),
    Model(
        code="N2S",
        name="A1",
        product_name="Bambu Lab A1",
        serial_prefix="03900A",
        firmware="01.05.00.00",
        report=ReportStyle.LEGACY,
        camera_port=6000,
        storage=_CARD,
        flags=Flags(home_flag=863847839, flag3=31),
    ),
    Model(
        code="N1",
        name="A1 mini",
        product_name="Bambu Lab A1 mini",
        serial_prefix="03000A",
        firmware="01.07.02.00",
        report=ReportStyle.LEGACY,
        camera_port=6000,
        storage=_CARD,
        flags=Flags(home_flag=847201680, flag3=8863),
        aliases=("A1M",),
    ),
    Model(
        code="N9",
        name="A2L",
        product_name="Bambu Lab A2L",
        serial_prefix="26A19A",
        firmware="01.01.00.00",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=6000,  # no capture; the slicers' profile gives it the A1's kind of camera
        storage=_CARD,
        flags=Flags(
            home_flag=847070616,
            fun="100d102002fbd",
            fun2="1049560",
            cfg="120000870a00",
            aux="31004",
            stat="30040000",
            flag3=25240,
        ),
    ),
    Model(
        code="N6",
        name="X2D",
        product_name="Bambu Lab X2D",
        serial_prefix="20P90A",
        firmware="01.02.00.00",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_STICK,
        nozzles=2,
        # Captured while printing and without a USB stick: storage bits set, the printing bits of stat cleared.
        flags=Flags(
            home_flag=-1066967656, fun="40029FD1130F9CB7", fun2="97B76", cfg="5A1045FDA99", aux="2801004", stat="258000"
        ),
    ),
    Model(
        code="O1D",
        name="H2D",
        product_name="Bambu Lab H2D",
        serial_prefix="09400A",
        firmware="01.02.00.00",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_STICK,
        nozzles=2,
        flags=Flags(home_flag=-1066934888, fun="410FFF9CFF", cfg="345FDA19", aux="2D01004", stat="780258000"),
    ),
    Model(
        code="O1E",
        name="H2D Pro",
        product_name="Bambu Lab H2D Pro",
        serial_prefix="09400A",  # no capture; H2D's
        firmware="01.02.00.00",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_STICK,
        nozzles=2,
        flags=Flags(home_flag=-1066967664, fun="4023FF10FFF9CB3", cfg="1C5FDA99", aux="2801004", stat="640258000"),
        # No slicer ships a profile called O2D, so announcing it would block Send; as an alias it still finds the model.
        aliases=("O2D",),
    ),
    Model(
        code="O1C",
        name="H2C",
        product_name="Bambu Lab H2C",
        serial_prefix="31B80A",
        firmware="01.02.00.00",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_STICK,
        nozzles=2,
        flags=_H2C_FLAGS,
    ),
    Model(
        code="O1C2",
        name="H2C (O1C2)",
        product_name="Bambu Lab H2C",
        serial_prefix="31B80A",
        firmware="01.02.00.00",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_STICK,
        nozzles=2,
        flags=_H2C_FLAGS,
    ),
    Model(
        code="O1S",
        name="H2S",
        product_name="Bambu Lab H2S",
        serial_prefix="09300A",
        firmware="01.02.00.00",
        report=ReportStyle.NEW_PROTOCOL,
        camera_port=322,
        storage=_STICK,
        # Captured while printing: recording and the printing bits of stat are cleared.
        flags=Flags(home_flag=-1066967656, fun="21FF10FFF9CB7", cfg="185FDA99", aux="2001004", stat="640258000"),
    ),
)
"""Every model. Where two share a product name (the H2C), the first answers to it."""

DEFAULT_MODEL = MODELS[0]


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _index(models: tuple[Model, ...]) -> dict[str, Model]:
    found: dict[str, Model] = {}
    for item in models:
        for text in (item.code, item.name, item.product_name, item.version_name, *item.aliases):
            found.setdefault(_plain(text), item)
    return found


_BY_NAME = MappingProxyType(_index(MODELS))


def model(code_or_alias: str) -> Model:
    """The model of a code, alias or name; upper and lower case, blanks and dashes do not matter. Raises UnknownModel."""
    found = _BY_NAME.get(_plain(code_or_alias))
    if found is None:
        raise UnknownModel(code_or_alias)
    return found


def serial_number(of: Model, installation: str | int, index: int) -> str:
    """The 15-character serial number of printer `index` (counted from 0, over all models) of an installation.

    `installation` is a random number that control makes once and keeps. Its hash chooses where this installation starts
    on a circle of 10^9 suffixes and printers follow one another from there: indexes never collide within an
    installation, and two installations of n printers of one model overlap with a chance of about 2n in 10^9.
    """
    circle = 10**SUFFIX_DIGITS
    if not 0 <= index < circle:
        raise ValueError(f"the printer's index is {index}; it must lie between 0 and {circle - 1}")
    start = int.from_bytes(sha256(str(installation).encode()).digest())
    return f"{of.serial_prefix}{(start + index) % circle:0{SUFFIX_DIGITS}d}"
