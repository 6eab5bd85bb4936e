"""Two edge nodes, three NATS servers, PostgreSQL and an object store: what is killed costs seconds, and no file."""

import os
from pathlib import Path

import pytest

from tests.control import postgresql
from tests.discovery.lans import run_scenarios

pytestmark = [pytest.mark.full, pytest.mark.timeout(1000)]


def test_no_file_is_lost_whatever_is_killed() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: PostgreSQL runs as somebody else inside the network namespace")
    if postgresql.programs() is None:
        pytest.skip("needs a PostgreSQL server (Debian: postgresql)")
    run_scenarios(Path(__file__).with_name("ha_scenarios.py"), timeout=950)
