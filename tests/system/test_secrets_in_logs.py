"""The search for secrets in logs, which every stop of a system runs, finds what it must."""

from pathlib import Path

import pytest

from tests.system.secrets_in_logs import leaks

CODE = "Qx7TbL2m"
RULE = "─" * 78


def log(directory: Path, text: str) -> list[Path]:
    path = directory / "up.log"
    path.write_text(text)
    return [path]


@pytest.mark.parametrize(
    "line",
    [
        f"ftps login failed password={CODE}",
        "-----BEGIN PRIVATE KEY-----",
        r'{"key_pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow"}',
        "key=MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    ],
)
def test_a_secret_is_found(tmp_path: Path, line: str) -> None:
    found = leaks(log(tmp_path, f"started\n{line}\n"), [CODE])
    assert found
    assert all(one.startswith("up.log:2: ") for one in found)


def test_a_clean_log_is_clean(tmp_path: Path) -> None:
    assert leaks(log(tmp_path, "listening port=990\nMIIDazCCAlOgAwIBAgIU\n"), [CODE, ""]) == []


def test_the_welcome_may_show_the_code_and_nothing_after_it_may(tmp_path: Path) -> None:
    welcome = f"up\n{RULE}\n  Access code    {CODE}\n{RULE}\n"
    assert leaks(log(tmp_path, welcome), [CODE]) == []
    assert leaks(log(tmp_path, f"{welcome}ftps code={CODE}\n"), [CODE])


def test_a_traceback_with_frames_is_no_welcome(tmp_path: Path) -> None:
    assert leaks(log(tmp_path, f"control | ╭{RULE}╮\ncode = {CODE}\ncontrol | ╰{RULE}╯\n"), [CODE])
