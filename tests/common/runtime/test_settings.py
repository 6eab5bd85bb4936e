import pytest
from pydantic import ValidationError

from vprinter_common.runtime.settings import CommonSettings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPRINTER_DATA_DIR", "/srv/vprinter")
    monkeypatch.setenv("VPRINTER_NATS__URL", "nats://a:4222,nats://b:4222")
    monkeypatch.setenv("VPRINTER_ADDRESSES", '["10.0.0.5"]')
    made = CommonSettings()
    assert str(made.blobs_dir) == "/srv/vprinter/blobs"
    assert str(made.outbox_dir) == "/srv/vprinter/outbox"
    assert str(made.certs_dir) == "/srv/vprinter/virtual_printer/certs"
    assert made.nats.url == "nats://a:4222,nats://b:4222"
    assert made.addresses == ("10.0.0.5",)


def test_a_misspelt_setting_in_a_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPRINTER_NATS__PASWORD", "x")
    with pytest.raises(ValidationError, match=r"nats\.pasword"):
        CommonSettings()


@pytest.mark.parametrize(
    ("name", "safe"), [("printer-host.lan", "printer-host-lan"), ("", "node"), ("a" * 99, "a" * 64)]
)
def test_a_nodes_name_is_safe_in_subjects_and_keys(name: str, safe: str) -> None:
    assert CommonSettings(node=name).node == safe
