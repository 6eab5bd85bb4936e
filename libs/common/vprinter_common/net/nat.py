"""The kernel's port redirects (NAT), as nftables and iptables list them. Runs their tools: call it from a worker thread.

Only root may read them. A rule for other hosts' connections (PREROUTING) says nothing about this host's own (OUTPUT).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 2.0
_LEGACY_TABLES = Path("/proc/net/ip_tables_names")
_SYSTEM_TOOLS = os.pathsep.join(("/usr/sbin", "/sbin", "/usr/bin"))

_CHAIN = re.compile(r"\s*chain \S+ \{")
_HOOK = re.compile(r"\bhook (\w+)")
_NFT_ADDRESS = re.compile(r"\bip daddr ([\d./]+)")
_NFT_RULE = re.compile(
    r"\btcp dport (?P<ports>\d+|\{[\d, ]+\}) .*?"
    r"\b(?:redirect to :(?P<to>\d+)|dnat (?:ip )?to (?P<host>[\d.]+)(?::(?P<host_port>\d+))?)"
)


@dataclass(frozen=True, slots=True)
class Redirect:
    """TCP connections to `port` end up at `to_port`."""

    port: int
    to_port: int
    address: str | None = None
    """Only those to this address; None = to any."""
    to_address: str | None = None
    """None = at the address they were meant for."""
    remote: bool = True
    """Connections of other hosts; otherwise those of this host itself."""

    def concerns(self, address: str, port: int) -> bool:
        """Whether it catches what is sent there."""
        return self.port == port and self.address in (None, address)


def redirects(path: str | None = None) -> tuple[Redirect, ...] | None:
    """All redirects; None if no tool is there or none may read them. `path`: where tools are looked for first."""
    nft, iptables = (_tool(name, path) for name in ("nft", "iptables-save"))
    found: list[Redirect] = []
    listings = [_run((nft, "list", "ruleset"))] if nft else []
    if listings and listings[0] is not None:
        found += parse_nft(listings[0])
    # nftables lists what the newer iptables made, but not what the older one did.
    if iptables and (not nft or _legacy_nat()):
        listings.append(_run((iptables, "-t", "nat")))
        found += parse_iptables(listings[-1] or "")
    return None if all(listing is None for listing in listings) else tuple(dict.fromkeys(found))


def parse_iptables(listing: str) -> Iterator[Redirect]:
    """The redirects in what `iptables-save -t nat` prints."""
    for line in listing.splitlines():
        words = line.split()
        if words[:1] != ["-A"] or _after(words, "-p") != "tcp":
            continue
        port, to_port, host = _after(words, "--dport"), _after(words, "--to-ports"), None
        if (destination := _after(words, "--to-destination")) is not None:
            host, _, to_port = destination.partition(":")
        if port is None or not port.isdigit() or not (to_port or port).isdigit():
            continue
        if to_port is None and host is None:
            continue
        address = (_after(words, "-d") or "").removesuffix("/32") or None
        yield Redirect(int(port), int(to_port or port), address, host or None, remote=words[1] != "OUTPUT")


def parse_nft(listing: str) -> Iterator[Redirect]:
    """The redirects in what `nft list ruleset` prints."""
    remote = True
    for line in listing.splitlines():
        if _CHAIN.match(line):
            remote = True
        if hook := _HOOK.search(line):
            remote = hook[1] != "output"
        if (rule := _NFT_RULE.search(line)) is not None:
            found = _NFT_ADDRESS.search(line)
            address = found[1].removesuffix("/32") if found else None
            for port in map(int, re.findall(r"\d+", rule["ports"])):
                to_port = int(rule["to"] or rule["host_port"] or port)
                yield Redirect(port, to_port, address, rule["host"], remote=remote)


def _after(words: Sequence[str], option: str) -> str | None:
    """The value of an option; None where it is absent or negated."""
    for index, word in enumerate(words[:-1]):
        if word == option and words[index - 1] != "!":
            return words[index + 1]
    return None


def _tool(name: str, path: str | None) -> str | None:
    return shutil.which(name, path=path) or shutil.which(name, path=_SYSTEM_TOOLS)


def _run(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - found by name, with arguments that are written here
            command, check=True, capture_output=True, text=True, errors="replace", timeout=TIMEOUT
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _legacy_nat() -> bool:
    try:
        return "nat" in _LEGACY_TABLES.read_text(encoding="ascii").split()
    except OSError:
        return False
