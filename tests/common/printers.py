"""Virtual printers as tests want them."""

from pathlib import Path
from typing import Any

from vprinter_common.certs import CertificateAuthority, Leaf
from vprinter_common.contracts.printer import VirtualPrinter

SERIAL = "00M00A123456789"
CODE = "Sesame42"
NO_CERTIFICATE = {"chain_pem": "none", "key_pem": "none"}
"""For tests in which nobody shakes hands."""


def virtual_printer(address: str = "127.0.0.1", **changes: Any) -> VirtualPrinter:
    """A printer on a loopback address; `bind={"any": True}` and so on change it."""
    fields: dict[str, Any] = {
        "id": "p1",
        "revision": 1,
        "name": "Virtual Printer",
        "enabled": True,
        "mode": "immediate",
        "model": "BL-P001",
        "serial": SERIAL,
        "access_codes": [{"id": "c1", "code": CODE}],
        "bind": {"address": address},
        "certificate": NO_CERTIFICATE,
    }
    return VirtualPrinter.model_validate(fields | changes)


def certificate(directory: Path, serial: str = SERIAL) -> tuple[CertificateAuthority, Leaf]:
    """A CA in the directory and a printer's certificate from it."""
    ca = CertificateAuthority.load_or_create(directory)
    return ca, ca.issue(serial)


def as_certificate(leaf: Leaf) -> dict[str, str]:
    """The certificate as a field of a printer."""
    return {"chain_pem": leaf.chain_pem, "key_pem": leaf.key_pem}
