from pathlib import Path

import pytest

from tests.discovery.lans import run_scenarios

pytestmark = [pytest.mark.full, pytest.mark.timeout(1000)]


def test_between_two_real_lans() -> None:
    run_scenarios(Path(__file__).with_name("proxy_lan_scenarios.py"), timeout=950)
