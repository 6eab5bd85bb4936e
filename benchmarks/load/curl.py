"""Uploads with curl, the same for every server: TLS 1.2 with one cipher, each file under its own name."""

import subprocess
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

CIPHER = "ECDHE-RSA-AES256-GCM-SHA384"
PATIENCE = 120


class Data(StrEnum):
    """How the file travels; the control connection always has TLS."""

    TLS = "TLS"
    CLEAR = "cleartext"


def upload(files: Sequence[Path], url: str, data: Data) -> float:
    """Upload all, at once; seconds until curl has ended. RuntimeError says what curl said if one failed."""
    secured = "--ssl-reqd" if data is Data.TLS else "--ftp-ssl-control"
    command = ["curl", "--no-progress-meter", "--insecure", "--disable", "--globoff"]
    command += [secured, "--tlsv1.2", "--tls-max", "1.2", "--ciphers", CIPHER, "--max-time", str(PATIENCE)]
    if len(files) > 1:
        command += ["--parallel", "--parallel-immediate", "--parallel-max", str(len(files))]
    for file in files:
        command += ["--upload-file", str(file), url]
    started = time.monotonic()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.monotonic() - started
    if ended.returncode != 0 or ended.stderr:
        raise RuntimeError(f"curl ended with {ended.returncode} at {url.rpartition('@')[2]}: {ended.stderr[-500:]}")
    return took
