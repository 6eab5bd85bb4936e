"""One system per data directory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vprinter_cli.lock import AlreadyRunning, data_directory

HOLDER = "import sys, time, pathlib\nfrom vprinter_cli.lock import data_directory\n"
HOLDER += "with data_directory(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"


def test_a_second_system_is_told_who_runs_the_first(tmp_path: Path) -> None:
    with data_directory(tmp_path / "data"), pytest.raises(AlreadyRunning) as refused, data_directory(tmp_path / "data"):
        pass
    message = str(refused.value)
    assert f"already running on {tmp_path / 'data'} (pid {os.getpid()})" in message
    assert "VPRINTER_DATA_DIR" in message


def test_the_directory_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with data_directory(tmp_path):
            pass


def test_two_directories_do_not_mind_each_other(tmp_path: Path) -> None:
    with data_directory(tmp_path / "one"), data_directory(tmp_path / "two"):
        pass


def test_the_directory_is_free_after_its_holder_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match=f"pid {holder.pid}"), data_directory(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=10)
        with data_directory(tmp_path):
            pass
