"""The command line."""

import subprocess

import pytest

from vprinter_cli.command import main


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPRINTER_FTPS__PORT", "9990")


def test_help_names_every_command_and_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for word in ("up", "ports", "VPRINTER_DATA_DIR", "VPRINTER_ADMIN_TOKEN"):
        assert word in text


def test_ports_are_shown_as_they_are_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("9990/tcp ") and "VPRINTER_FTPS__PORT" in line for line in lines)
    assert any(line.startswith("9301-9305/tcp ") for line in lines)


def test_free_ports_are_called_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPRINTER_UP__NATS_PORT", "0")
    monkeypatch.setenv("VPRINTER_UP__ADMIN_PORT_BASE", "0")
    main(["ports"])
    assert sum(line.startswith("free ") for line in capsys.readouterr().out.splitlines()) == 2


def test_a_wrong_setting_is_named_without_its_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPRINTER_FTPS__PORT", "hunter2")
    assert main(["ports"]) == 1
    message = capsys.readouterr().err
    assert "VPRINTER_FTPS__PORT" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh", "fish", "powershell"])
def test_completion_knows_every_command(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("printers", "archive", "pending", "queue", "ca", "ports", "installer"):
        assert word in script


def test_bash_takes_the_completion_script(capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    script = (
        capsys.readouterr().out + "\nCOMP_WORDS=(vprinter que); COMP_CWORD=1; _shtab_vprinter; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["queue"]
