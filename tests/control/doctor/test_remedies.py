"""The table of remedies."""

import re

import pytest

from vprinter_control.doctor.remedies import REMEDIES, VERDICTS, found, remedy_for
from vprinter_control.doctor.report import worst
from vprinter_control.doctor.steps import Fault, Step, Verdict, fine, skipped

ALWAYS = {"printer": "Desk", "address": "192.0.2.1", "serial": "S", "id": "p1"}


def test_every_fault_has_a_remedy_and_every_step_a_title() -> None:
    assert set(REMEDIES) == set(Fault)
    assert len({step.label for step in Step}) == len(Step)


@pytest.mark.parametrize("fault", Fault)
def test_a_remedy_is_a_sentence_for_each_installation_that_says_what_to_do(fault: Fault) -> None:
    remedy = REMEDIES[fault]
    for text in (remedy.native, remedy.docker, remedy.nas):
        assert 20 < len(text) < 400
        assert text == text.strip()
        assert not text.endswith(".")
        assert set(re.findall(r"{(\w*)}", text)) <= {
            *ALWAYS,
            *(
                "addresses",
                "service",
                "setting",
                "host",
                "port",
                "to_port",
                "listens",
                "low",
                "high",
                "path",
                "where",
                "data",
            ),
        }


def test_what_was_seen_is_filled_in_and_what_was_not_is_left_to_the_reader() -> None:
    remedy = remedy_for(found(Fault.DISK_FULL, "full", path="data/blobs"), ALWAYS)
    assert remedy is not None
    assert "data/blobs" in remedy.native
    vague = remedy_for(found(Fault.DISK_FULL, "full"), ALWAYS)
    assert vague is not None
    assert "<path>" in vague.native


def test_what_is_well_or_was_not_looked_at_needs_no_remedy() -> None:
    assert remedy_for(fine("well"), ALWAYS) is None
    assert remedy_for(skipped("later"), ALWAYS) is None


def test_faults_that_stop_no_send_are_warnings() -> None:
    assert found(Fault.DISK_LOW, "low").verdict is Verdict.WARNING
    assert found(Fault.DISK_FULL, "full").verdict is Verdict.FAILED
    assert set(VERDICTS.values()) == {Verdict.WARNING}


def test_the_gravest_step_is_the_verdict_of_the_whole() -> None:
    assert worst([Verdict.OK, Verdict.SKIPPED]) is Verdict.OK
    assert worst([Verdict.OK, Verdict.WARNING]) is Verdict.WARNING
    assert worst([Verdict.WARNING, Verdict.FAILED, Verdict.SKIPPED]) is Verdict.FAILED
