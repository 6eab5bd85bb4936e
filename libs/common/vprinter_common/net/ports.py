"""Who holds a port, and what to do when ours cannot be had. Reads /proc: call it from a worker thread."""

import errno
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_LISTEN = "0A"
_FIRST_UNPRIVILEGED = 1024


def port_owner(port: int, protocol: str = "tcp", proc: Path = _PROC) -> str | None:
    """The process that holds a port, as "mosquitto (pid 123)"; None if there is none or we may not see it."""
    inodes = set(_inodes(port, protocol, proc))
    if not inodes:
        return None
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        if _holds(process, links):
            return f"{_name(process)} (pid {process.name})"
    return None


def _inodes(port: int, protocol: str, proc: Path) -> Iterator[str]:
    for table in (protocol, f"{protocol}6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # sl, local address:port in hex, remote, state, queues, timer, retransmits, uid, timeout, inode, …
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port and (protocol == "udp" or fields[3] == _LISTEN):
                yield fields[9]


def _holds(process: Path, links: set[str]) -> bool:
    try:
        return any(_link(descriptor) in links for descriptor in (process / "fd").iterdir())
    except OSError:  # gone, or another user's
        return False


def _link(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # closed meanwhile
        return ""


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return "a process"


def bind_error(
    error: OSError, host: str, port: int, service: str, setting: str, *, protocol: str = "tcp", proc: Path = _PROC
) -> str:
    """One sentence on why a listener could not be opened and what to do.

    `setting` is the environment variable that moves the listener to another port.
    """
    where = f"{service} needs port {port}" + (f"/{protocol}" if protocol != "tcp" else "")
    match error.errno:
        case errno.EACCES | errno.EPERM if port < _FIRST_UNPRIVILEGED:
            other = port + 9000
            return (
                f"{where}, which is reserved for root: run as root, or allow it with "
                f"`sysctl -w net.ipv4.ip_unprivileged_port_start={port}`, or set {setting}={other} "
                f"and redirect port {port} to {other}"
            )
        case errno.EADDRINUSE:
            owner = port_owner(port, protocol, proc) or "another process, which this user may not see,"
            return f"{where} on {host}, but {owner} holds it: stop that, or give the printer another address"
        case errno.EADDRNOTAVAIL:
            return f"{where} on {host}, which is no address of this host: add it to an interface, or choose another"
        case _:
            return f"{where} on {host}, but it cannot be opened: {error.strerror or error}"
