import os
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).with_name("lan_scenarios.py")
ROOT = Path(__file__).parents[2]


def namespace_command() -> list[str] | None:
    """What runs a command in a network namespace of its own, as root or as anybody; None if neither is allowed."""
    for command in (["unshare", "-rn"], ["unshare", "-n"]):
        if subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0:
            return command
    return None


def test_on_two_real_lans() -> None:
    """All of lan_scenarios.py. The namespaces end with the processes in them, so nothing is left behind."""
    command = namespace_command()
    if command is None:
        pytest.skip("needs root or unprivileged user namespaces: `unshare -rn true` is refused on this host")
    arguments = [sys.executable, "-m", "pytest", str(SCENARIOS), "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=110,
        env=os.environ | {"VPRINTER_TEST_NETNS": "1"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout
