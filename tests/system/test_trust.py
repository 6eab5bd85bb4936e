"""A slicer's trust: gained by the installer that the system serves, kept and lost when the CA is renewed."""

import subprocess
from pathlib import Path

from tests.control.trust.bundles import STOCK
from tests.simulators import threemf
from tests.simulators.gates import Blocked, Gate
from tests.simulators.profiles import ORCA, STUDIO_27
from tests.system.harness import Printer, System
from tests.system.processes import wait_for

CONTENT = threemf.sliced(title="sent by trust")


def install(system: System, bundle: Path, directory: Path) -> None:
    """What a person does with the served installer."""
    program = directory / "trust-virtual-printer.sh"
    program.write_bytes(system.api.raw("GET", "certificate-authority/installers/linux"))
    done = subprocess.run(["sh", program, "--root", directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(bundle) in done.stdout


def may_connect(system: System, printer: Printer, ca_pem: str) -> bool:
    """Whether a slicer that trusts this gets in."""
    with system.slicer(printer, ORCA, ca_pem=ca_pem) as slicer:
        try:
            slicer.add()
            slicer.connect()
        except Blocked as stopped:
            assert stopped.gate is Gate.TRUST  # noqa: PT017 - the refusal is one of two right outcomes
            return False
    return True


def test_the_served_installer_lets_a_slicer_send_and_a_renewal_costs_what_it_says(
    system: System, tmp_path: Path
) -> None:
    printer = system.new_printer()
    bundle = tmp_path / "opt/BambuStudio/resources/cert/printer.cer"
    bundle.parent.mkdir(parents=True)
    bundle.write_text(STOCK[:-1])
    assert not may_connect(system, printer, bundle.read_text())
    install(system, bundle, tmp_path)
    with system.slicer(printer, STUDIO_27, ca_pem=bundle.read_text()) as slicer:
        slicer.add()
        slicer.connect()
        sent = slicer.send("trusted.gcode.3mf", CONTENT)
        system.await_archived(sent.sha256)

        before = bundle.read_text()
        system.api.post("certificate-authority/renew", {"key": "same"})
        wait_for(lambda: system.revision_is_served(printer), "the renewed certificate is served")
        assert may_connect(system, printer, before)

        present = system.api.get("certificate-authority")
        system.api.post("certificate-authority/renew", {"key": "new", "replaces": present["sha256"]})
        wait_for(lambda: system.revision_is_served(printer), "the new certificate is served")
        assert not may_connect(system, printer, before)
        slicer.await_pushes(2)

    install(system, bundle, tmp_path)
    assert may_connect(system, printer, bundle.read_text())
    assert bundle.read_text() == STOCK + system.ca_pem()
    restarts = [
        status["restarts"] for service in ("mqtt", "ftps", "discovery") if (status := system.status(printer, service))
    ]
    assert restarts == [0, 0, 0]
