"""The unchanged compose file on a real engine: built, started, used, hit, updated and taken down."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.deploy.compose import RUNNING, SERVICES, Compose, Deployed, docker, environment
from tests.simulators import threemf
from tests.simulators.profiles import ORCA, STUDIO_27
from tests.simulators.slicer import Place
from tests.system.api import Api
from tests.system.processes import wait_for
from vprinter_common.metrics.declared import ProbeStage

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1500)]
BASE = "python:3.11-slim-bookworm"
LOW_PORTS = {"ftps", "proxy"}
NET_BIND_SERVICE = 1 << 10
WELL = {stage.value: 1.0 for stage in ProbeStage}


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """The system, built and up."""
    project = Compose(environment(tmp_path_factory.mktemp("compose") / ".env", VPRINTER_NODE="compose-test"))
    project.run("build")
    try:
        project.run("up", "--detach")
        project.await_healthy(*RUNNING)
        yield project
    finally:
        project.run("down", "--volumes", "--timeout", "15")


@pytest.fixture(scope="module")
def deployed(compose: Compose) -> Deployed:
    """The system as `welcome` tells of it."""
    wait_for(lambda: compose.container("welcome")["State"]["Status"] == "exited", "welcome has spoken", 90)
    said = compose.run("logs", "--no-color", "welcome")
    told = {name: re.search(rf"{name} +(\S+)", said) for name in ("Page", "Admin token", "Address", "Access code")}
    page, token, address, code = (found.group(1) if found else pytest.fail(said) for found in told.values())
    return Deployed(Api(page, token), Place(address), code)


def test_a_file_sent_in_the_hosts_network_is_archived(deployed: Deployed) -> None:
    sha256 = deployed.send("cube.gcode.3mf", threemf.sliced(), STUDIO_27)
    assert deployed.await_archived(sha256)["filename"] == "cube.gcode.3mf"


def test_every_process_is_an_ordinary_user_with_no_right_but_to_low_ports(compose: Compose) -> None:
    for service in RUNNING:
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{compose.pid(service)}/status").read_text().splitlines()
        )
        wanted = NET_BIND_SERVICE if service in LOW_PORTS else 0
        assert status["Uid"].split() == ["65532"] * 4, service
        assert status["NoNewPrivs"].strip() == "1", service
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == wanted, (service, kind)


def test_every_root_file_system_is_read_only(compose: Compose) -> None:
    for service in RUNNING:
        mounts = [line.split() for line in Path(f"/proc/{compose.pid(service)}/mountinfo").read_text().splitlines()]
        (root,) = [fields for fields in mounts if fields[4] == "/"]
        assert "ro" in root[5].split(","), service


def test_images_are_small_labelled_and_without_tools_to_build(compose: Compose) -> None:
    base = int(docker("image", "inspect", "--format", "{{.Size}}", BASE))
    for service in SERVICES:
        image = f"vprinter/{service}:latest"
        size = int(docker("image", "inspect", "--format", "{{.Size}}", image))
        assert size - base < 200_000_000, f"{image} is {(size - base) / 1e6:.0f} MB more than its base"
        title = docker(
            "image", "inspect", "--format", '{{index .Config.Labels "org.opencontainers.image.title"}}', image
        )
        assert title.strip() == f"vprinter-{service}"
        inside = docker(
            "run",
            "--rm",
            "--network=none",
            "--entrypoint",
            "sh",
            image,
            "-c",
            "ls /opt/vprinter/bin",
        )
        assert not {"pip", "pip3", "gcc"} & set(inside.split())


@pytest.mark.parametrize("service", RUNNING)
def test_a_crashed_service_comes_back_and_takes_files(compose: Compose, deployed: Deployed, service: str) -> None:
    compose.crash(service)
    compose.await_healthy(*RUNNING)
    wait_for(lambda: _is_running(deployed), "the printer runs", 60)
    deployed.await_archived(deployed.send(f"after {service}.gcode.3mf", threemf.sliced(title=service), ORCA))


def test_one_service_is_updated_while_the_others_stay(compose: Compose, deployed: Deployed) -> None:
    others = {service: compose.pid(service) for service in RUNNING if service != "ftps"}
    compose.run("up", "--detach", "--no-deps", "--force-recreate", "ftps")
    compose.await_healthy("ftps")
    wait_for(lambda: _is_running(deployed), "the printer runs", 60)
    deployed.await_archived(deployed.send("updated.gcode.3mf", threemf.sliced(title="updated"), STUDIO_27))
    assert {service: compose.pid(service) for service in others} == others


def test_prometheus_of_the_profile_scrapes_everything_and_the_prober_gets_through(compose: Compose) -> None:
    """All of the profile but Grafana, whose image cannot be made here."""
    compose.run("--profile", "observability", "up", "--detach", "prometheus", "probe")
    try:
        wait_for(lambda: set(asked('up{job="vprinter"} == 1')) == set(SERVICES), "all services scraped", 90)
        wait_for(lambda: asked("vprinter_probe_success", "stage") == WELL, "a probe", 120)
    finally:
        compose.run("--profile", "observability", "rm", "--stop", "--force", "prometheus", "probe")


def test_stopping_is_graceful_and_a_new_start_knows_all(compose: Compose, deployed: Deployed) -> None:
    before = {item["id"] for item in deployed.api.items("archive")}
    compose.run("stop", "--timeout", "15")
    assert {service: compose.container(service)["State"]["ExitCode"] for service in SERVICES} == dict.fromkeys(
        SERVICES, 0
    )
    compose.run("up", "--detach")
    compose.await_healthy(*RUNNING)
    assert {item["id"] for item in deployed.api.items("archive")} == before


def asked(query: str, label: str = "service") -> dict[str, float]:
    """What Prometheus says, by a label."""
    url = f"http://127.0.0.1:9090/api/v1/query?{urlencode({'query': query})}"
    try:
        with urlopen(url, timeout=5) as answer:
            found = json.load(answer)["data"]["result"]
    except OSError:
        return {}
    return {one["metric"][label]: float(one["value"][1]) for one in found}


def _is_running(deployed: Deployed) -> bool:
    (printer,) = deployed.api.items("virtual-printers")
    return bool(deployed.api.get(f"virtual-printers/{printer['id']}/status")["state"] == "running")
