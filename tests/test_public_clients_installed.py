"""The programs that tests drive the system with are there; tests that need one that is missing are skipped, this is not."""

import shutil

import pytest


@pytest.mark.parametrize(
    ("program", "package"),
    [
        ("curl", "curl"),
        ("mosquitto_pub", "mosquitto-clients"),
        ("mosquitto_sub", "mosquitto-clients"),
        ("openssl", "openssl"),
        ("ss", "iproute2"),
    ],
)
def test_a_public_client_is_installed(program: str, package: str) -> None:
    assert shutil.which(program), f"{program} is missing; as root: apt-get install {package}"
