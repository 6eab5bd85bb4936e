"""Each service gets the user's settings and what it needs to reach the others."""

from importlib import import_module
from pathlib import Path

import pytest

from vprinter_cli.services import NatsAccess, admin_ports, programs
from vprinter_cli.settings import Settings
from vprinter_common.runtime.settings import ADMIN_PORTS

ACCESS = NatsAccess("nats://127.0.0.1:4999", "vprinter", "secret")
DATA = Path("/srv/data")


def test_each_service_has_its_own_admin_port() -> None:
    assert admin_ports(9301) == ADMIN_PORTS
    assert admin_ports(9401)["control"] == 9405


def test_free_admin_ports_differ() -> None:
    ports = admin_ports(0)
    assert ports.keys() == ADMIN_PORTS.keys()
    assert len(set(ports.values())) == len(ports)


def test_a_service_is_told_where_nats_is_and_where_data_is() -> None:
    ftps = programs(DATA, ACCESS, {"ftps": 9402}, {"VPRINTER_DATA_DIR": "elsewhere", "PATH": "/bin"})[0]
    assert ftps.command[1:] == ("-m", "vprinter_ftps")
    assert ftps.environ == {
        "PATH": "/bin",
        "VPRINTER_DATA_DIR": "/srv/data",
        "VPRINTER_ADMIN__PORT": "9402",
        "VPRINTER_LOG__FORMAT": "console",
        "VPRINTER_NATS__URL": "nats://127.0.0.1:4999",
        "VPRINTER_NATS__USER": "vprinter",
        "VPRINTER_NATS__PASSWORD": "secret",
    }


def test_what_the_user_set_passes_through() -> None:
    given = {"VPRINTER_FTPS__PORT": "9990", "VPRINTER_LOG__FORMAT": "json", "VPRINTER_NATS__URL": "nats://bus:4222"}
    ftps = programs(DATA, None, {"ftps": 9402}, given)[0]
    assert given.items() <= ftps.environ.items()


def test_a_given_nats_is_used_instead_of_an_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Settings().external_nats
    monkeypatch.setenv("VPRINTER_NATS__URL", "nats://127.0.0.1:4222")
    assert Settings().external_nats


@pytest.mark.parametrize(
    ("service", "name", "fields"),
    [
        ("control", "ControlSettings", ("host", "port")),
        ("discovery", "DiscoverySettings", ("ssdp_port", "detect_port", "detect_tls_port")),
        ("ftps", "FtpsSettings", ("port",)),
        ("mqtt", "MqttSettings", ("port",)),
        ("proxy", "ProxySettings", ("rtsps_port", "tunnel_port")),
    ],
)
def test_the_command_and_the_services_agree_on_default_ports(service: str, name: str, fields: tuple[str, ...]) -> None:
    theirs = getattr(getattr(import_module(f"vprinter_{service}.settings"), name)(), service)
    ours = getattr(Settings(), service)
    assert {field: getattr(theirs, field) for field in fields} == {field: getattr(ours, field) for field in fields}
