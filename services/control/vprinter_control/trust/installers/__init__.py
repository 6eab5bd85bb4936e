"""Programs for the slicer's computer that make slicers trust the CA, made with the CA inside.

They know certificates by their base64 text, so that they need no tool that can read certificates.
"""

from base64 import b64encode
from collections.abc import Iterable
from enum import StrEnum
from importlib.resources import files

from vprinter_common.certs import CA_NAME

_TEMPLATES = files(__name__)
# The DER of the attribute "common name", as each kind of text that may hold it.
_COMMON_NAME = b"\x06\x03\x55\x04\x03"
_UTF8, _PRINTABLE = 0x0C, 0x13


class Platform(StrEnum):
    """What the slicer runs on."""

    LINUX = "linux"
    MACOS = "macos"
    WINDOWS = "windows"

    @property
    def template(self) -> str:
        """Name of the file that it is made from."""
        return "windows.ps1" if self is Platform.WINDOWS else "posix.sh"

    @property
    def filename(self) -> str:
        """What the browser calls it."""
        return f"trust-virtual-printer.{self.template.rpartition('.')[2]}"


def installer(platform: Platform, certificate_pem: str, fingerprint: str, earlier_pems: Iterable[str]) -> str:
    """The program; `earlier_pems` are CAs of this installation that it takes out wherever it finds them. Blocking."""
    values = {
        "CERTIFICATE": certificate_pem.strip(),
        "FINGERPRINT": fingerprint,
        "EARLIER": " ".join(_body(pem) for pem in earlier_pems),
        "NAMES": " ".join(_traces_of(CA_NAME)),
    }
    text = (_TEMPLATES / platform.template).read_text(encoding="ascii")
    for name, value in values.items():
        text = text.replace(f"@@{name}@@", value)
    return text


def _body(pem: str) -> str:
    return "".join(line for line in pem.split() if not line.startswith("-") and not line.endswith("-"))


def _traces_of(common_name: str) -> list[str]:
    """Texts of which one stands in the base64 of every certificate that has this name in it."""
    text = common_name.encode("ascii")
    return [
        trace for kind in (_UTF8, _PRINTABLE) for trace in _in_base64(_COMMON_NAME + bytes((kind, len(text))) + text)
    ]


def _in_base64(data: bytes) -> list[str]:
    """How bytes look inside of base64, which depends on where among its groups of three they begin."""
    return [
        b64encode(bytes(offset) + data).decode("ascii")[-(-8 * offset // 6) : 8 * (offset + len(data)) // 6]
        for offset in range(3)
    ]
