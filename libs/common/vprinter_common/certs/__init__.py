"""The certificate authority and the printers' certificates. Everything here blocks: call it from a worker thread."""

from vprinter_common.certs.authority import (
    CA_LIFETIME,
    CA_NAME,
    LEAF_LIFETIME,
    CertificateAuthority,
    Clock,
    Leaf,
    utc_now,
)
from vprinter_common.certs.directory import CERTIFICATE_FILE, KEY_FILE, earlier
from vprinter_common.certs.pem import CaError

__all__ = [
    "CA_LIFETIME",
    "CA_NAME",
    "CERTIFICATE_FILE",
    "KEY_FILE",
    "LEAF_LIFETIME",
    "CaError",
    "CertificateAuthority",
    "Clock",
    "Leaf",
    "earlier",
    "utc_now",
]
