"""FTPS servers that take uploads: ours, pyftpdlib and vsftpd."""

import getpass
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure.house import Keys, house
from benchmarks.measure.program import OURS, Program, peer
from benchmarks.measure.usage import cpu_seconds, family_cpu_seconds, forget_peak, peak_memory
from tests.system.ports import free_ports

LOCAL = "127.0.0.1"
VSFTPD_USER = "ftp"
"""Made by the Debian package."""
ONE_PROCESS = "vsftpd in one process"


@dataclass(frozen=True, slots=True)
class Contender:
    """A server at work. `url` ends with the folder to upload to; `files` is where what was uploaded lies."""

    name: str
    url: str
    files: Callable[[], list[Path]]
    cpu: Callable[[], float]
    forget_peak: Callable[[], None]
    peak: Callable[[], int | None]
    """Bytes of memory at most since `forget_peak`; None where that cannot be known."""

    def stored(self) -> list[str]:
        """SHA-256 of every file that lies there."""
        return sorted(sha256(file) for file in self.files())

    def clear(self) -> None:
        """Remove the files, so that the next upload finds what the first one found."""
        for file in self.files():
            file.unlink()


def sha256(file: Path) -> str:
    """The file's hash, as hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def ours(directory: Path, keys: Keys) -> Iterator[Contender]:
    """Our service with NATS. Files are hashed, checked, synced and announced before the client has its answer."""
    with house("ftps", directory, keys) as served:
        yield Contender(
            name="ours",
            url=f"ftps://bblp:{served.code}@{served.addresses[0]}:{served.port}/",
            files=lambda: sorted((served.data / "blobs" / "sha256").glob("*/*")),
            cpu=lambda: cpu_seconds(served.pid) + cpu_seconds(served.nats_pid),
            forget_peak=lambda: forget_peak(served.pid),
            peak=lambda: peak_memory(served.pid),
        )


@contextmanager
def pyftpdlib(directory: Path, keys: Keys) -> Iterator[Contender]:
    """pyftpdlib as it comes; it knows explicit TLS only, the data path is the same."""
    port, store = free_ports().base, directory / "pyftpdlib"
    store.mkdir()
    command = peer("pyftpdlib_server", str(store), LOCAL, str(port), str(keys.chain), str(keys.key))
    with Program(command, directory / "pyftpdlib.log") as server:
        server.await_listening(LOCAL, port)
        yield Contender(
            name="pyftpdlib",
            url=f"ftp://bblp:Sesame42@{LOCAL}:{port}/",
            files=lambda: sorted(store.iterdir()),
            cpu=lambda: cpu_seconds(server.pid),
            forget_peak=lambda: forget_peak(server.pid),
            peak=lambda: peak_memory(server.pid),
        )


@contextmanager
def vsftpd(directory: Path, keys: Keys) -> Iterator[Contender]:
    """vsftpd with implicit TLS as it comes: a session is several processes, of which one alone may touch files.

    That takes root; for anyone else it must make do with one process, which is faster.
    """
    port, store, config = free_ports().base, directory / "vsftpd", directory / "vsftpd.conf"
    (inbox := store / "in").mkdir(parents=True)
    if os.geteuid() == 0:
        shutil.chown(inbox, VSFTPD_USER)
        for folder in (directory, *directory.parents[:1]):
            folder.chmod(0o711)
        who = f"ftp_username={VSFTPD_USER}\n"
    else:
        who = f"run_as_launching_user=YES\nftp_username={getpass.getuser()}\n"
    config.write_text(
        "listen=YES\nbackground=NO\n"
        f"listen_address={LOCAL}\nlisten_port={port}\n"
        f"{who}anonymous_enable=YES\nno_anon_password=YES\nanon_root={store}\n"
        "seccomp_sandbox=NO\nwrite_enable=YES\nanon_upload_enable=YES\nxferlog_enable=NO\n"
        "ssl_enable=YES\nimplicit_ssl=YES\nallow_anon_ssl=YES\nrequire_ssl_reuse=NO\nssl_ciphers=HIGH\n"
        f"rsa_cert_file={keys.chain}\nrsa_private_key_file={keys.key}\n"
    )
    command = (*OURS, "-m", "benchmarks.measure.adopter", "/usr/sbin/vsftpd", str(config))
    with Program(command, directory / "vsftpd.log") as server:
        server.await_listening(LOCAL, port)
        yield Contender(
            name="vsftpd" if os.geteuid() == 0 else ONE_PROCESS,
            url=f"ftps://anonymous:nobody@{LOCAL}:{port}/in/",
            files=lambda: sorted(inbox.iterdir()),
            cpu=lambda: family_cpu_seconds(server.pid),
            forget_peak=lambda: None,
            peak=lambda: None,
        )
