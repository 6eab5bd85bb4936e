"""The doctor's page has every step and every fault."""

from pathlib import Path

import pytest

from vprinter_control.doctor.steps import Fault, Step

PAGE = (Path(__file__).parents[2] / "docs/operations/doctor.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("step", Step)
def test_every_step_has_a_section(step: Step) -> None:
    assert f"## {step.label} (`{step.value}`)\n" in PAGE


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_explained(fault: Fault) -> None:
    assert f"`{fault.value}`" in PAGE
