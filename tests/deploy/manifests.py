"""The manifests in a copy, with secrets as a user writes them."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
OVERLAYS = ROOT / "deploy" / "k8s" / "overlays"
TOKEN = "an admin token for the cluster"


def copied(directory: Path) -> Path:
    """deploy/ and what tests add to it, below a directory; every overlay has its secrets."""
    shutil.copytree(ROOT / "deploy", directory / "deploy", ignore=shutil.ignore_patterns("secrets.env"))
    shutil.copytree(ROOT / "tests" / "deploy" / "cluster", directory / "tests" / "deploy" / "cluster")
    for example in (directory / "deploy" / "k8s").rglob("secrets.env.example"):
        lines = example.read_text().splitlines()
        filled = [f"{line}{TOKEN if 'TOKEN' in line else 'sesame'}" if line.endswith("=") else line for line in lines]
        example.with_name("secrets.env").write_text("\n".join(filled) + "\n")
    return directory


def kubectl() -> str:
    """The program; that of Debian 12 knows too little of kustomize."""
    ours = ROOT / ".kubectl" / "bin" / "kubectl"
    return str(ours) if ours.exists() else "kubectl"


def rendered(overlay: Path) -> str:
    """What `kubectl apply -k` would send."""
    done = subprocess.run(
        [kubectl(), "kustomize", str(overlay)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
