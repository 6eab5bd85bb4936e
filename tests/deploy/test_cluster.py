"""The single-node overlay on a real cluster: rolled out, used, each pod deleted once, torn down.

The cluster is there already: KUBECONFIG names it, its node's containers use the images of this host's engine.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.compose import Deployed, docker
from tests.deploy.manifests import TOKEN, copied
from tests.deploy.manifests import kubectl as program
from tests.simulators import threemf
from tests.simulators.profiles import ORCA, STUDIO_27
from tests.simulators.slicer import Place
from tests.system.api import Api
from tests.system.processes import wait_for

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.timeout(1500),
    pytest.mark.skipif("KUBECONFIG" not in os.environ, reason="no cluster: KUBECONFIG names none"),
]
DEPLOYMENTS = ("discovery", "mqtt", "ftps", "proxy", "control")
OWNERS = (*(f"deployment/{name}" for name in DEPLOYMENTS), "statefulset/nats")
VOLUMES = ("certs", "state", "blobs", "nats")


def kubectl(*arguments: str, timeout: float = 180) -> str:
    """Run kubectl in our namespace; its output."""
    done = subprocess.run(
        [program(), "-n", "vprinter", *arguments], check=False, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Cluster:
    """The system on a node."""

    deployed: Deployed

    def pod(self, name: str) -> dict[str, Any]:
        """The one pod of a service."""
        pods = json.loads(kubectl("get", "pods", "-l", f"app.kubernetes.io/name={name}", "-o", "json"))["items"]
        alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        assert len(alive) == 1, [pod["metadata"]["name"] for pod in pods]
        return dict(alive[0])

    def printer_runs(self) -> bool:
        """Whether the first printer is served."""
        try:
            (printer,) = self.deployed.api.items("virtual-printers")
            return bool(self.deployed.api.get(f"virtual-printers/{printer['id']}/status")["state"] == "running")
        except OSError:
            return False


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The overlay, applied and rolled out."""
    tree = copied(tmp_path_factory.mktemp("cluster"))
    folders = tree / "volumes"
    for name in VOLUMES:
        (folders / name).mkdir(parents=True)
        os.chown(folders / name, 65532, 65532)  # fsGroup does not change folders of the node
    for above in (folders, *folders.parents):
        if above.is_relative_to(tree.parent):
            above.chmod(0o755)
    volumes = tree / "tests/deploy/cluster/volumes.yaml"
    volumes.write_text(volumes.read_text().replace("VOLUMES", str(folders)))
    node = json.loads(kubectl("get", "nodes", "-o", "json"))["items"][0]["metadata"]["name"]
    kubectl("label", "--overwrite", "node", node, "vprinter.io/edge=true")
    overlay = str(tree / "tests/deploy/cluster")
    try:
        kubectl("apply", "-k", overlay)
        for owner in OWNERS:
            kubectl("rollout", "status", owner, "--timeout=180s", timeout=200)
        yield Cluster(_reach())
    finally:
        kubectl("delete", "-k", overlay, "--wait=true", "--timeout=120s")


def _reach() -> Deployed:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.connect(("192.0.2.1", 9))
        address = str(asker.getsockname()[0])
    api = Api(f"http://{address}:8000", TOKEN)
    wait_for(lambda: api.items("virtual-printers"), "the first printer", 60)
    (printer,) = api.items("virtual-printers")
    codes = api.get(f"virtual-printers/{printer['id']}/access-codes")["items"]
    return Deployed(api, Place(address), codes[0]["code"])


def test_a_file_sent_to_the_nodes_address_is_archived(cluster: Cluster) -> None:
    wait_for(cluster.printer_runs, "the printer runs", 60)
    cluster.deployed.await_archived(cluster.deployed.send("cube.gcode.3mf", threemf.sliced(), STUDIO_27))


@pytest.mark.parametrize("name", [*DEPLOYMENTS, "nats"])
def test_a_deleted_pod_comes_back_and_takes_files(cluster: Cluster, name: str) -> None:
    before = cluster.pod(name)["metadata"]
    kubectl("delete", "pod", before["name"], "--wait=true")
    wait_for(lambda: cluster.pod(name)["metadata"]["uid"] != before["uid"], f"another pod of {name}", 60)
    for owner in OWNERS:
        kubectl("rollout", "status", owner, "--timeout=120s")
    wait_for(cluster.printer_runs, "the printer runs", 90)
    sha256 = cluster.deployed.send(f"after {name}.gcode.3mf", threemf.sliced(title=name), ORCA)
    cluster.deployed.await_archived(sha256)


def test_no_process_stays_root_and_each_keeps_only_its_right(cluster: Cluster) -> None:
    for name in (*DEPLOYMENTS, "nats"):
        container = cluster.pod(name)["status"]["containerStatuses"][0]["containerID"].removeprefix("docker://")
        pid = docker("inspect", "--format", "{{.State.Pid}}", container).strip()
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert status["Uid"].split() == ["65532"] * 4, name
        assert status["NoNewPrivs"].strip() == "1", name
        assert int(status["CapBnd"], 16) == (1 << 10 if name in ("ftps", "proxy") else 0), name


def test_probes_and_logs_tell_how_it_is(cluster: Cluster) -> None:
    for name in DEPLOYMENTS:
        pod = cluster.pod(name)
        conditions = {one["type"]: one["status"] for one in pod["status"]["conditions"]}
        assert conditions["Ready"] == "True", name
        lines = kubectl("logs", pod["metadata"]["name"]).splitlines()
        assert any(json.loads(line)["event"] == "started" for line in lines), name
