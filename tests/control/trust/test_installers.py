"""The installers, run for real in trees shaped as each system's installations."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.trust import houses
from tests.control.trust.bundles import CASES, DAMAGED, OLDER, OURS, STOCK, THIRD, Case
from tests.control.trust.powershell import interpreter
from tests.control.trust.programs import FINGERPRINT, PROGRAMS, Program, Run
from vprinter_control.trust import installers
from vprinter_control.trust.installers import Platform, installer

HOUSES = {"posix": (houses.LINUX, houses.MACOS), "powershell": (houses.WINDOWS,)}
SOMEWHERE = {"posix": "opt/OrcaSlicer/resources/cert", "powershell": "Program Files/OrcaSlicer/resources/cert"}


@pytest.fixture(params=PROGRAMS, ids=lambda program: program.name)
def program(request: pytest.FixtureRequest) -> Program:
    chosen: Program = request.param
    if chosen.missing:
        pytest.skip(f"{chosen.missing} is not installed")
    return chosen


@pytest.fixture
def run(program: Program, tmp_path: Path) -> Run:
    return program.prepare(tmp_path)


@pytest.fixture
def posix(tmp_path: Path) -> Run:
    return PROGRAMS[0].prepare(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "a root"
    root.mkdir()
    return root


@pytest.fixture
def bundle(program: Program, root: Path) -> Path:
    return bundle_at(root, SOMEWHERE[family(program)])


def family(program: Program) -> str:
    return "posix" if program.command else "powershell"


def bundle_at(root: Path, folder: str, content: str = STOCK[:-1]) -> Path:
    path = root / folder / "printer.cer"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode())
    return path


def openssl_reads(path: Path) -> list[str]:
    """How many certificates OpenSSL finds in a bundle, as the slicers' library reads it."""
    packed = subprocess.run(
        ["openssl", "crl2pkcs7", "-nocrl", "-certfile", path], check=True, capture_output=True
    ).stdout
    shown = subprocess.run(["openssl", "pkcs7", "-print_certs"], input=packed, check=True, capture_output=True).stdout
    blocks = shown.decode().split("-----BEGIN CERTIFICATE-----")[1:]
    return ["".join(block.split("-----END")[0].split()) for block in blocks]


def body(pem: str) -> str:
    return "".join(pem.splitlines()[1:-1])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bundle_becomes_what_it_should(run: Run, root: Path, bundle: Path, case: Case) -> None:
    bundle.write_bytes(case.before.encode())
    first = run(root)
    assert (first.code, bundle.read_bytes().decode()) == (0, case.after), first.text
    assert case.says in first.text
    assert openssl_reads(bundle).count(body(OURS)) == 1
    again = run(root)
    assert (again.code, bundle.read_bytes().decode()) == (0, case.after)
    assert "nothing to do" in again.text
    assert run(root, "--check").code == 0
    removed = run(root, "--remove")
    assert (removed.code, bundle.read_bytes().decode()) == (0, case.removed), removed.text
    assert "removed our authority" in removed.text
    unchecked = run(root, "--check")
    assert unchecked.code == 1
    assert "DOES NOT trust" in unchecked.text
    assert "nothing to do" in run(root, "--remove").text


def test_every_installation_is_found_and_trusts_after_one_run(program: Program, run: Run, root: Path) -> None:
    for places in HOUSES[family(program)]:
        bundles = [bundle_at(root, place) for place in places]
        assert run(root, "--check").code == 1
        done = run(root)
        assert done.code == 0, done.text
        assert "quit the slicer completely" in done.text
        for path in bundles:
            assert f"{path}\n" in done.text
            assert path.read_text() == STOCK + OURS
        assert run(root, "--check").text.count("trusts the printer") == len(bundles)
        shutil.rmtree(root)
        root.mkdir()


def test_an_update_of_the_slicer_is_made_good(run: Run, root: Path, bundle: Path) -> None:
    run(root)
    newer = STOCK + THIRD
    bundle.write_text(newer)
    assert run(root, "--check").code == 1
    assert run(root).code == 0
    assert bundle.read_text() == newer + OURS
    assert bundle.with_name("printer.cer.before-vprinter").read_text() == newer
    run(root, "--remove")
    assert bundle.read_text() == newer


def test_the_copy_is_of_the_file_as_the_slicer_brought_it(run: Run, root: Path, bundle: Path) -> None:
    copy = bundle.with_name("printer.cer.before-vprinter")
    run(root)
    assert copy.read_text() == STOCK[:-1]
    bundle.write_text(bundle.read_text().replace(OURS, OLDER))
    run(root)
    assert copy.read_text() == STOCK[:-1]
    run(root, "--remove")
    assert not copy.exists()
    assert [path.name for path in bundle.parent.iterdir()] == ["printer.cer"]


def test_authorities_of_other_printers_stay_when_asked(run: Run, root: Path, bundle: Path) -> None:
    bundle.write_text(STOCK + OLDER)
    assert run(root, "--keep-others").code == 0
    assert bundle.read_text() == STOCK + OLDER + OURS
    assert run(root, "--check").code == 1
    assert run(root, "--check", "--keep-others").code == 0
    run(root, "--remove", "--keep-others")
    assert bundle.read_text() == STOCK + OLDER


@pytest.mark.parametrize(("kind", "content"), DAMAGED, ids=[name for name, _ in DAMAGED])
def test_a_damaged_bundle_is_left_alone(run: Run, root: Path, bundle: Path, kind: str, content: str) -> None:
    bundle.write_text(content)
    for arguments in ((), ("--check",), ("--remove",)):
        done = run(root, *arguments)
        assert done.code == 1, kind
        assert "damaged" in done.text
        assert bundle.read_text() == content


def test_a_folder_or_a_file_can_be_named(run: Run, root: Path, tmp_path: Path) -> None:
    elsewhere = bundle_at(tmp_path, "my slicer/resources/cert")
    alone = tmp_path / "alone.cer"
    alone.write_text(STOCK)
    done = run(root, tmp_path / "my slicer", alone)
    assert done.code == 0, done.text
    assert elsewhere.read_text() == STOCK + OURS
    assert alone.read_text() == STOCK + OURS


def test_a_path_that_is_not_there_is_an_error(run: Run, root: Path, tmp_path: Path) -> None:
    done = run(root, tmp_path / "nowhere")
    assert done.code == 2
    assert "there is no" in done.text


def test_no_slicer_is_said(run: Run, root: Path) -> None:
    done = run(root)
    assert done.code == 3
    assert "say where" in done.text


def test_rights_of_the_file_stay(run: Run, root: Path, bundle: Path) -> None:
    bundle.chmod(0o640)
    run(root)
    assert bundle.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(posix: Run, root: Path) -> None:
    real = bundle_at(root, "srv/real")
    link = root / "opt/OrcaSlicer/resources/cert/printer.cer"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    assert posix(root).code == 0
    assert link.is_symlink()
    assert real.read_text() == STOCK + OURS


def test_a_hard_link_elsewhere_is_not_changed(posix: Run, root: Path) -> None:
    """A Flatpak's files are links into its repository, which must not change."""
    path = bundle_at(root, "opt/OrcaSlicer/resources/cert")
    (root / "object").hardlink_to(path)
    assert posix(root).code == 0
    assert (root / "object").read_text() == STOCK[:-1]


def test_an_appimage_gets_instructions_and_its_unpacked_folder_gets_trust(posix: Run, root: Path) -> None:
    image = root / "home/ann/Applications/OrcaSlicer Linux V2.3.AppImage"
    image.parent.mkdir(parents=True)
    image.touch()
    told = posix(root)
    assert told.code == 3
    assert f'cd "{image.parent}" && "./{image.name}" --appimage-extract' in told.text
    unpacked = bundle_at(image.parent, "squashfs-root/resources/cert")
    done = posix(root)
    assert done.code == 0
    assert "--appimage-extract" not in done.text
    assert unpacked.read_text() == STOCK + OURS


def test_macos_is_told_what_its_seal_may_do(posix: Run, root: Path) -> None:
    bundle_at(root, houses.MACOS[0])
    assert f'codesign --force --deep --sign - "{root}/Applications/BambuStudio.app"' in posix(root).text


@pytest.fixture
def open_root() -> Iterator[Path]:
    """A tree that other users can look into."""
    with tempfile.TemporaryDirectory(prefix="vprinter trust ") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_a_file_of_another_user_asks_for_sudo(open_root: Path) -> None:
    path = bundle_at(open_root, "opt/OrcaSlicer/resources/cert")
    run = PROGRAMS[0].prepare(open_root)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    as_user: tuple[str, ...] = ()
    if os.geteuid() == 0:
        as_user = (shutil.which("setpriv") or "", "--reuid=65534", "--regid=65534", "--clear-groups")
    try:
        done = run(open_root, as_user=as_user)
        assert done.code == 1
        assert "cannot be written" in done.text
        assert "with sudo" in done.text
        assert path.read_text() == STOCK[:-1]
        assert run(open_root, "--check", as_user=as_user).code == 1
    finally:
        path.parent.chmod(0o755)


def test_what_posix_says_of_itself(posix: Run, root: Path) -> None:
    told = posix(root, "--help")
    assert told.code == 0
    assert "--keep-others" in told.text
    assert posix(root, "--nonsense").code == 2


@pytest.mark.parametrize("platform", Platform)
def test_every_installer_is_complete_ascii_and_says_whom_it_trusts(platform: Platform) -> None:
    text = installer(platform, OURS, FINGERPRINT, [])
    assert text.isascii()
    assert "@@" not in text
    assert FINGERPRINT in text
    assert OURS.strip() in text


def test_the_shell_program_has_no_faults_that_shellcheck_knows(tmp_path: Path) -> None:
    program = tmp_path / "program.sh"
    program.write_text(installer(Platform.MACOS, OURS, FINGERPRINT, []))
    shellcheck = Path(sys.executable).with_name("shellcheck")
    checked = subprocess.run([shellcheck, "-s", "sh", program], check=False, capture_output=True, text=True)
    assert checked.stdout == ""


def test_the_powershell_program_parses() -> None:
    assert interpreter.errors_of(installer(Platform.WINDOWS, OURS, FINGERPRINT, [])) == []
    assert interpreter.errors_of("if ($a { }") != []


def test_a_certificate_is_known_as_ours_wherever_its_name_stands_in_the_base64() -> None:
    traces = installers._traces_of("Virtual Printer CA")
    for pem in (OURS, OLDER):
        assert any(trace in body(pem) for trace in traces)
    assert not any(trace in body(STOCK) for trace in traces)
