import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from vprinter_common.access import MAX_ADDRESSES, MAX_FAILURES, WINDOW, LoginBrake, match_code, still_there
from vprinter_common.contracts.printer import AccessCode


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def brake(clock: Clock) -> LoginBrake:
    return LoginBrake(clock)


def code(id_: str, text: str) -> AccessCode:
    return AccessCode.model_validate({"id": id_, "owner": id_, "code": text})


ANNA, BEN = code("anna", "aaaaaaaa"), code("ben", "bbbbbbbb")


def test_a_code_tells_who_sends() -> None:
    assert match_code([ANNA, BEN], b"aaaaaaaa") == ANNA
    assert match_code([ANNA, BEN], b"bbbbbbbb") == BEN


@pytest.mark.parametrize("password", [b"", b"aaaaaaa", b"aaaaaaaaa", b"AAAAAAAA", b"\xff\xfe", b"aaaaaaaa\0"])
def test_anything_but_a_code_lets_nobody_in(password: bytes) -> None:
    assert match_code([ANNA, BEN], password) is None


def test_a_printer_without_codes_lets_nobody_in() -> None:
    assert match_code([], b"") is None


def test_the_fifth_failure_within_a_minute_closes_the_door_and_only_that_one_says_so(brake: LoginBrake) -> None:
    assert [brake.failed("10.0.0.9") for _ in range(7)] == [False] * 4 + [True] + [False] * 2
    assert brake.refused_for("10.0.0.9") == WINDOW


def test_four_failures_close_nothing(brake: LoginBrake) -> None:
    for _ in range(MAX_FAILURES - 1):
        brake.failed("10.0.0.9")
    assert brake.refused_for("10.0.0.9") == 0


def test_failures_spread_over_more_than_a_minute_close_nothing(brake: LoginBrake, clock: Clock) -> None:
    for _ in range(20):
        assert not brake.failed("10.0.0.9")
        clock.now += WINDOW / (MAX_FAILURES - 1)
    assert brake.refused_for("10.0.0.9") == 0


def test_after_a_minute_the_door_opens_by_itself_and_closes_after_five_more(brake: LoginBrake, clock: Clock) -> None:
    for _ in range(MAX_FAILURES):
        brake.failed("10.0.0.9")
    clock.now += WINDOW - 1
    assert brake.refused_for("10.0.0.9") == 1
    clock.now += 1
    assert brake.refused_for("10.0.0.9") == 0
    assert [brake.failed("10.0.0.9") for _ in range(MAX_FAILURES)] == [False] * 4 + [True]


def test_one_address_does_not_close_the_door_for_another(brake: LoginBrake) -> None:
    for _ in range(MAX_FAILURES):
        brake.failed("10.0.0.9")
    assert brake.refused_for("10.0.0.8") == 0


def test_a_success_forgets_what_was_mistyped(brake: LoginBrake) -> None:
    for _ in range(MAX_FAILURES - 1):
        brake.failed("10.0.0.9")
    brake.succeeded("10.0.0.9")
    brake.succeeded("10.0.0.8")
    assert not brake.failed("10.0.0.9")


def test_the_table_is_bounded_and_forgets_who_was_not_seen_for_longest(brake: LoginBrake) -> None:
    for _ in range(MAX_FAILURES):
        brake.failed("old")
        brake.failed("recent")
    for number in range(MAX_ADDRESSES - 1):
        brake.failed(f"n{number}")
        brake.failed("recent") if number == 0 else None
    assert brake.refused_for("old") == 0
    assert brake.refused_for("recent") > 0
    assert len(brake._failures) == MAX_ADDRESSES


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=60))
def test_the_door_is_closed_exactly_when_five_failures_lie_within_a_minute_and_the_last_is_younger(
    pauses: list[float],
) -> None:
    clock = Clock()
    brake = LoginBrake(clock)
    times: list[float] = []
    for pause in pauses:
        clock.now += pause
        brake.failed("10.0.0.9")
        times.append(clock.now)
        last = times[-MAX_FAILURES:]
        assert (brake.refused_for("10.0.0.9") > 0) == (len(last) == MAX_FAILURES and last[-1] - last[0] < WINDOW)


def test_a_session_goes_on_under_the_code_it_began_with_whatever_its_owner_is_called_now() -> None:
    began = AccessCode(id="c1", owner="Ada", code=SecretStr("Sesame42"))
    renamed = AccessCode(id="c1", owner="Ada Lovelace", code=SecretStr("Sesame42"))
    other = AccessCode(id="c2", owner="Bob", code=SecretStr("Another1"))
    assert still_there(began, [other, renamed]) is renamed


def test_a_code_that_was_revoked_or_replaced_is_not_there_any_more() -> None:
    began = AccessCode(id="c1", code=SecretStr("Sesame42"))
    replaced = AccessCode(id="c1", code=SecretStr("Sesame43"))
    given_to_another = AccessCode(id="c2", code=SecretStr("Sesame42"))
    assert still_there(began, []) is None
    assert still_there(began, [replaced, given_to_another]) is None
