"""The image that moves a floating address, with the overlay's configuration, and two nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.compose import docker
from tests.deploy.manifests import OVERLAYS, ROOT
from tests.system.processes import wait_for

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]
IMAGE, NETWORK, FLOATING = "vprinter/keepalived:test", "vprinter-keepalived-test", "10.88.77.100"
NODES = (f"{NETWORK}-1", f"{NETWORK}-2")
RIGHTS = ("NET_ADMIN", "NET_RAW", "NET_BROADCAST", "SETGID")
CHECK = "#!/bin/sh\ntest ! -e /run/not-ready\n"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """Two containers as restricted as the overlay's. Their edges are ready unless a file says otherwise."""
    (tmp_path / "keepalived.conf").write_text(
        (OVERLAYS / "ha" / "keepalived.conf").read_text().replace("192.168.1.50", FLOATING)
    )
    (tmp_path / "edges-ready").write_text(CHECK)
    (tmp_path / "edges-ready").chmod(0o755)
    docker("build", "--tag", IMAGE, str(ROOT / "deploy" / "keepalived"))
    docker("network", "create", "--subnet", "10.88.77.0/24", NETWORK)
    try:
        for node in NODES:
            docker(
                *("run", "--detach", "--name", node, "--network", NETWORK, "--read-only", "--tmpfs", "/run"),
                *("--security-opt", "no-new-privileges", "--cap-drop", "ALL"),
                *(word for right in RIGHTS for word in ("--cap-add", right)),
                *("--volume", f"{tmp_path}/keepalived.conf:/etc/keepalived/keepalived.conf:ro"),
                *("--volume", f"{tmp_path}/edges-ready:/usr/local/bin/edges-ready:ro", IMAGE),
            )
        yield NODES
    finally:
        docker("rm", "--force", *NODES)
        docker("network", "rm", NETWORK)


def holders(nodes: tuple[str, ...]) -> list[str]:
    """Who has the address."""
    return [node for node in nodes if FLOATING in docker("exec", node, "cat", "/proc/net/fib_trie")]


def test_the_address_leaves_a_node_whose_edges_are_not_ready_and_one_that_ends(nodes: tuple[str, ...]) -> None:
    wait_for(lambda: len(holders(nodes)) == 1, "one node has the address", 20)
    (first,) = holders(nodes)
    (second,) = set(nodes) - {first}
    docker("exec", first, "touch", "/run/not-ready")
    wait_for(lambda: holders(nodes) == [second], "the other node has it", 20)
    docker("exec", first, "rm", "/run/not-ready")
    docker("kill", "--signal", "KILL", second)
    wait_for(lambda: holders((first,)) == [first], "the first node has it again", 20)
