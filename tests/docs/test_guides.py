"""What the guides tell an operator to type does what they say, as far as it can be typed here."""

import os
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest

from tests.simulators import threemf
from tests.simulators.profiles import STUDIO_27
from tests.system.harness import Printer, System

GUIDES = Path(__file__).parents[2] / "docs" / "operations"


def typed(guide: str, name: str) -> str:
    """The block of a guide that is marked with this name."""
    found = re.search(rf"<!-- tested: {name} -->\n```sh\n(.*?)```", (GUIDES / guide).read_text(), re.DOTALL)
    assert found, f"{guide} has no block {name}"
    return found.group(1)


def run(script: str, directory: Path, data: Path) -> None:
    """Run it as an operator would."""
    done = subprocess.run(
        ["sh", "-euc", script],
        check=False,
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, "DATA": str(data)},
    )
    assert done.returncode == 0, done.stderr


def send(system: System, printer: Printer, name: str) -> str:
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        sha256 = slicer.send(f"{name}.gcode.3mf", threemf.sliced(title=name)).sha256
    system.await_archived(sha256)
    return sha256


@pytest.mark.full
def test_a_backup_of_either_kind_brings_everything_back(tmp_path: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.fail("this needs the program sqlite3: apt-get install sqlite3")
    system = System(tmp_path)
    with system:
        system.remove_first_printer()
        printer = system.new_printer()
        ca = system.ca_pem()
        sent = [send(system, printer, "before")]
        run(typed("care.md", "hot"), tmp_path, system.data)
        hot = tmp_path / "backup"
    run(typed("care.md", "cold"), tmp_path, system.data)

    def check() -> None:
        with system:
            assert system.ca_pem() == ca
            system.await_reachable(printer)
            for sha256 in sent:
                (entry,) = system.archived(sha256)
                assert system.api.raw("GET", f"archive/{entry['id']}/file")
            send(system, printer, f"after {len(list(tmp_path.iterdir()))}")

    shutil.rmtree(system.data)
    run(typed("care.md", "restore"), tmp_path, system.data)
    check()
    shutil.rmtree(system.data)
    shutil.copytree(hot, system.data)
    check()


def test_the_certificate_made_for_nats_is_good_for_each_server_and_both_ends_of_a_route(tmp_path: Path) -> None:
    run(typed("kubernetes.md", "nats-tls"), tmp_path, tmp_path)
    for purpose, host in product(("sslserver", "sslclient"), ("nats-0.nats", "nats-2.nats")):
        run(f"openssl verify -CAfile ca.crt -purpose {purpose} -verify_hostname {host} tls.crt", tmp_path, tmp_path)


@pytest.mark.deploy
@pytest.mark.parametrize("unit", ["vprinter.service", "vprinter-redirect.service"])
def test_systemd_takes_the_units(unit: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.fail("this needs the program systemd-analyze: apt-get install systemd")
    text = (GUIDES.parents[1] / "deploy" / "systemd" / unit).read_text()
    for line in re.findall(r"^Exec(?:Start|Stop)=(\S+)", text, re.MULTILINE):
        text = text.replace(line, "/bin/true")  # what it starts is not installed here
    (tmp_path / unit).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / unit)], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
