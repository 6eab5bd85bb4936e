"""One CA for all tests of the doctor: making keys takes time."""

from ipaddress import IPv4Address

import pytest

from tests.common.printers import SERIAL
from tests.control.doctor.peers import ADDRESS, Identity
from vprinter_common.certs import CertificateAuthority


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """A printer's certificate that slicers accept."""
    ca = CertificateAuthority.create(tmp_path_factory.mktemp("doctor") / "certs")
    return Identity(ca, ca.issue(SERIAL, [IPv4Address(ADDRESS)]))
