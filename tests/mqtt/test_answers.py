"""The table of answers."""

import pytest

from vprinter_common.wire.report import MAX_ECHO, acknowledge, echo
from vprinter_mqtt.answers import EMPTY, POLICIES, Policy, refuse


def test_every_empty_answer_has_its_fields_and_no_others_do() -> None:
    queries = {name for table in POLICIES.values() for name, policy in table.items() if policy is Policy.EMPTY}
    assert queries == set(EMPTY)


@pytest.mark.parametrize(
    ("value", "echoed"),
    [
        ("20001", "20001"),
        (20001, 20001),
        (0.4, 0.4),
        ("x" * 1000, "x" * MAX_ECHO),
        (1 << 60, "0"),
        (True, "0"),
        (float("inf"), "0"),
        (None, "0"),
        ([], "0"),
        ({}, "0"),
    ],
)
def test_only_plausible_scalars_are_repeated(value: object, echoed: object) -> None:
    assert echo(value) == echoed


def test_an_acknowledgement_repeats_command_and_id_first() -> None:
    assert list(acknowledge({"sequence_id": "5", "command": "x"}).items())[:2] == [
        ("command", "x"),
        ("sequence_id", "5"),
    ]


def test_a_refusal_has_a_reason_and_no_error_code() -> None:
    answer = refuse({"command": "gcode_line"})
    assert answer["result"] == "fail"
    assert answer["reason"]
    assert "err_code" not in answer
