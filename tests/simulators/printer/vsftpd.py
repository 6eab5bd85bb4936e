"""Debian's vsftpd, set up as the printers have it; it needs root for a user of its own and for chroot."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from tests.simulators.printer.identity import Identity

PROGRAM = "/usr/sbin/vsftpd"
ACCOUNT = "ftp"
"""Made by the Debian package; files belong to it."""


def why_not() -> str | None:
    """Why it cannot run here, None if it can."""
    if shutil.which(PROGRAM) is None:
        return "vsftpd is not installed"
    if os.geteuid() != 0:
        return "vsftpd with logins needs root"
    namespace = subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True)
    return "mount namespaces are refused on this host" if namespace.returncode else None


class Vsftpd:
    """One vsftpd. Passwords come from files that only its own mount namespace has in place of the system's."""

    def __init__(self, directory: Path, root: Path, access_code: str, data_ports: range) -> None:
        self._directory = directory
        self._root = root
        self._code = access_code
        self._data_ports = data_ports
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, address: str, port: int, identity: Identity) -> None:
        """Serve on an address."""
        here = self._directory
        here.mkdir(exist_ok=True)
        here.chmod(0o711)
        self._root.chmod(0o755)
        for each in (self._root, *self._root.rglob("*")):
            shutil.chown(each, ACCOUNT, ACCOUNT)
        (here / "pam.d").mkdir(exist_ok=True)
        files = {
            "chain.pem": identity.chain_pem,
            "key.pem": identity.key_pem,
            "passwd": Path("/etc/passwd").read_text() + self._account(),
            "shadow": f"bblp:{_hashed(self._code)}:19000:0:99999:7:::\n",
            "pam.d/vsftpd": "auth required pam_unix.so nodelay\naccount required pam_permit.so\n",
            # Printers speak exactly 1.2; this release of vsftpd has no setting that says so.
            "openssl.cnf": "openssl_conf=all\n[all]\nssl_conf=ssl\n[ssl]\nsystem_default=tls\n[tls]\nMaxProtocol=TLSv1.2\n",
            "vsftpd.conf": self._config(address, port),
        }
        for name, text in files.items():
            (here / name).write_text(text)
        mounts = " && ".join(f"mount --bind '{here}/{name}' /etc/{name}" for name in ("pam.d", "passwd", "shadow"))
        script = f"{mounts} && {PROGRAM} '{here}/vsftpd.conf'; exit"
        # A process namespace, so that its sessions end with it; the shell is its first process, which vsftpd cannot be.
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script],
            env={**os.environ, "OPENSSL_CONF": str(here / "openssl.cnf")},
            stdin=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """Cut everything off."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _account(self) -> str:
        who = pwd.getpwnam(ACCOUNT)
        return f"bblp:x:{who.pw_uid}:{who.pw_gid}::{self._root}:/bin/sh\n"

    def _config(self, address: str, port: int) -> str:
        settings = {
            "listen": "YES",
            "background": "NO",
            "listen_address": address,
            "listen_port": port,
            "ftpd_banner": "(vsFTPd 3.0.5)",
            "anonymous_enable": "NO",
            "local_enable": "YES",
            "local_root": self._root,
            "local_umask": "022",
            "chroot_local_user": "YES",
            "allow_writeable_chroot": "YES",
            "write_enable": "YES",
            "pam_service_name": "vsftpd",
            "session_support": "NO",
            "nopriv_user": ACCOUNT,
            "seccomp_sandbox": "NO",
            "isolate_network": "NO",
            "xferlog_enable": "NO",
            "pasv_min_port": self._data_ports.start,
            "pasv_max_port": self._data_ports.stop - 1,
            "ssl_enable": "YES",
            "implicit_ssl": "YES",
            "force_local_logins_ssl": "YES",
            "force_local_data_ssl": "YES",
            "require_ssl_reuse": "YES",
            "ssl_ciphers": "HIGH",
            "rsa_cert_file": self._directory / "chain.pem",
            "rsa_private_key_file": self._directory / "key.pem",
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


def _hashed(code: str) -> str:
    command = ["openssl", "passwd", "-6", "-stdin"]
    return subprocess.run(command, check=True, input=code, capture_output=True, text=True).stdout.strip()
