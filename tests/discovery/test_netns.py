from pathlib import Path

from tests.discovery.lans import run_scenarios


def test_on_two_real_lans() -> None:
    run_scenarios(Path(__file__).with_name("lan_scenarios.py"), timeout=110)
