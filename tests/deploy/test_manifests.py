"""Every overlay renders, and every object in it is one that Kubernetes knows, down to the spelling of each field."""

import socket
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from runpy import run_path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.manifests import OVERLAYS, copied, rendered
from vprinter_common.certs import CertificateAuthority
from vprinter_common.runtime.settings import ADMIN_PORTS

pytestmark = pytest.mark.deploy
OLDEST, NEWEST = "1.25", "1.37"
NOT_OF_KUBERNETES = {
    "Certificate",
    "ClusterIssuer",
    "Issuer",
    "PodMonitor",
    "PrometheusRule",
    "NetworkAttachmentDefinition",
}
"""Kinds of others (cert-manager, Prometheus Operator, Multus), whose schemas are theirs."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests with secrets."""
    return copied(tmp_path_factory.mktemp("manifests"))


@pytest.fixture(params=sorted(path.name for path in OVERLAYS.iterdir() if path.is_dir()))
def objects(request: pytest.FixtureRequest, tree: Path) -> list[dict[str, Any]]:
    """The objects of an overlay."""
    return list(yaml.safe_load_all(rendered(tree / "deploy/k8s/overlays" / request.param)))


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_valid(objects: list[dict[str, Any]], version: str) -> None:
    for one in objects:
        if one["kind"] not in NOT_OF_KUBERNETES:
            kubernetes_validate.validate(one, version, strict=True)


def test_every_pod_is_confined(objects: list[dict[str, Any]]) -> None:
    for name, pod in pods(objects):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            context = {**pod["securityContext"], **container["securityContext"]}
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"]["drop"] == ["ALL"], name
            # It becomes an ordinary user itself, or sets addresses.
            is_root = bool({"SETUID", "NET_ADMIN"} & {*context["capabilities"].get("add", ())})
            assert context["runAsNonRoot"] is not is_root, name
            assert "memory" in container["resources"]["limits"], name
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(), name


def test_nats_takes_its_configuration(objects: list[dict[str, Any]], tmp_path: Path) -> None:
    authority = CertificateAuthority.create(tmp_path)
    leaf = authority.issue("nats-0.nats")
    for name, text in (("ca.crt", authority.certificate_pem), ("tls.crt", leaf.chain_pem), ("tls.key", leaf.key_pem)):
        (tmp_path / name).write_text(text)
    (text,) = (one["data"]["nats.conf"] for one in objects if "nats.conf" in one.get("data", {}))
    config = tmp_path / "nats.conf"
    config.write_text(text.replace("/etc/nats-tls", str(tmp_path)).replace('"/data"', f'"{tmp_path}"'))
    binary = Path(sysconfig.get_path("scripts"), "nats-server")
    done = subprocess.run(
        [binary, "-t", "-c", config],
        check=False,
        capture_output=True,
        text=True,
        env={"NATS_USER": "user", "NATS_PASSWORD": "sesame"},
        timeout=20,
    )
    assert done.returncode == 0, done.stderr


def test_edges_are_ready_when_each_of_them_says_so() -> None:
    script = OVERLAYS.parents[1] / "keepalived" / "edges-ready"
    edges = " ".join(str(port) for service, port in ADMIN_PORTS.items() if service != "control")
    assert f"|| set -- {edges}\n" in script.read_text()
    answer = HTTPStatus.OK

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer if self.path == "/readyz" else HTTPStatus.NOT_FOUND)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Ready) as server, free_port() as nobody:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        ready, port = partial(subprocess.run, check=False, capture_output=True, timeout=10), str(server.server_port)
        try:
            assert ready([script, port, port]).returncode == 0
            assert ready([script, port, str(nobody)]).returncode == 1
            answer = HTTPStatus.SERVICE_UNAVAILABLE
            assert ready([script, port]).returncode == 1
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def free_port() -> Iterator[int]:
    """A port of loopback that is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_no_file_lacks_a_word_on_what_may_be_changed() -> None:
    for path in OVERLAYS.parent.rglob("*.yaml"):
        if path.name != "kustomization.yaml":
            assert "Change" in path.read_text(), path


def test_the_rules_for_the_operator_are_those_of_prometheus() -> None:
    made = OVERLAYS.parent / "components" / "monitoring" / "prometheusrule.yaml"
    assert made.read_text() == run_path(str(OVERLAYS.parent / "generate.py"))["text"]()


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and pod of whatever makes pods."""
    for one in objects:
        if one["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
