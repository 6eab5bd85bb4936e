"""The join of jobs and uploads, without a database."""

from datetime import timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from tests.control.harness import NOON
from vprinter_control.domain.join import WINDOW, Half, pair


def half(id_: str, second: float, client: str = "a", code: str | None = None) -> Half:
    """An upload or a job."""
    return Half(id_, client, NOON + timedelta(seconds=second), code)


def test_what_came_with_different_access_codes_never_belongs_together() -> None:
    uploads = [half("of Ada", 1, code="c1"), half("of Bob", 9, code="c2")]
    assert pair(uploads, [half("job", 0, code="c2")]) == {"job": "of Bob"}
    assert pair(uploads[:1], [half("job", 0, code="c2")]) == {}
    assert pair(uploads[:1], [half("job", 0)]) == {"job": "of Ada"}


def test_the_same_client_goes_before_the_nearer_time() -> None:
    assert pair([half("near", 1, "b"), half("mine", 20, "a")], [half("job", 0, "a")]) == {"job": "mine"}


def test_of_one_client_the_nearer_time_wins() -> None:
    assert pair([half("far", -9), half("near", 8)], [half("job", 0)]) == {"job": "near"}


def test_the_window_is_closed_at_both_ends() -> None:
    edge = WINDOW.total_seconds()
    assert pair([half("upload", edge)], [half("job", 0)]) == {"job": "upload"}
    assert pair([half("upload", edge + 0.001)], [half("job", 0)]) == {}


def test_one_upload_has_one_job() -> None:
    assert pair([half("upload", 0)], [half("early", -2), half("late", 1)]) == {"late": "upload"}


HALVES = st.lists(st.tuples(st.integers(-60, 60), st.sampled_from("ab")), max_size=4)


@given(HALVES, HALVES)
def test_order_does_not_matter(uploads: list[tuple[int, str]], jobs: list[tuple[int, str]]) -> None:
    us = [half(f"u{n}", second, client) for n, (second, client) in enumerate(uploads)]
    js = [half(f"j{n}", second, client) for n, (second, client) in enumerate(jobs)]
    expected = pair(us, js)
    assert len(set(expected.values())) == len(expected)
    assert all(pair(some_us, some_js) == expected for some_us in permutations(us) for some_js in permutations(js))
