"""Who holds a port, and what to do when ours cannot be had. Reads /proc: call it from a worker thread."""

import errno
import pwd
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

EVERY = "0.0.0.0"

_PROC = Path("/proc")
_LISTEN = "0A"
_FIRST_UNPRIVILEGED = 1024


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a port. `process`, `pid` and `user` are None where this user may not see them."""

    port: int
    address: str
    """Where it is bound; 0.0.0.0 for every address, also when that was said in IPv6."""
    process: str | None = None
    pid: int | None = None
    user: str | None = None

    def covers(self, address: str) -> bool:
        """Whether it keeps others from listening at the address."""
        return self.address in (EVERY, address)


def port_holders(ports: Collection[int], protocol: str = "tcp", proc: Path = _PROC) -> tuple[Holder, ...]:
    """Who has these ports, all found in one walk through /proc."""
    bound = [each for each in _bound(protocol, proc) if each[0] in ports]
    links = {f"socket:[{inode}]" for _, _, inode in bound}
    processes = _processes(links, proc) if links else {}
    found = []
    for port, address, inode in bound:
        process = processes.get(f"socket:[{inode}]")
        if process is None:
            found.append(Holder(port, address))
        else:
            found.append(Holder(port, address, _name(process), int(process.name), _user(process)))
    return tuple(dict.fromkeys(found))


def port_owner(port: int, protocol: str = "tcp", proc: Path = _PROC) -> str | None:
    """The process that holds a port, as "mosquitto (pid 123)"; None if there is none or we may not see it."""
    for holder in port_holders((port,), protocol, proc):
        if holder.pid is not None:
            return f"{holder.process} (pid {holder.pid})"
    return None


def _bound(protocol: str, proc: Path) -> Iterator[tuple[int, str, str]]:
    """Port, address and inode of what is bound."""
    for table in (protocol, f"{protocol}6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # sl, local address:port in hex, remote, state, queues, timer, retransmits, uid, timeout, inode, …
            fields = line.split()
            address, _, port = fields[1].rpartition(":")
            if protocol == "udp" or fields[3] == _LISTEN:
                yield int(port, 16), _address(address), fields[9]


def _address(words: str) -> str:
    """The kernel's hexadecimal as text: 32-bit words in the byte order of the machine."""
    packed = b"".join(int(words[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(words), 8))
    if len(packed) == 4:
        return str(IPv4Address(packed))
    address = IPv6Address(packed)
    return EVERY if not int(address) else str(address.ipv4_mapped or address)


def _processes(links: set[str], proc: Path) -> dict[str, Path]:
    """The first process of each socket, in the order of their ids."""
    found: dict[str, Path] = {}
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        for link in _links(process) & links:
            found.setdefault(link, process)
        if len(found) == len(links):
            break
    return found


def _links(process: Path) -> set[str]:
    try:
        return {_link(descriptor) for descriptor in (process / "fd").iterdir()}
    except OSError:  # gone, or another user's
        return set()


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


def _user(process: Path) -> str | None:
    try:
        number = process.stat().st_uid
    except OSError:
        return None
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # of a container, or of a directory service that does not answer
        return str(number)


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
