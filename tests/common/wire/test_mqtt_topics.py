import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.mqtt_topics import MAX_FILTER_BYTES, is_topic_filter, is_topic_name, topic_matches

REPORT = "device/00M09A000000001/report"


@pytest.mark.parametrize(
    "topic_filter", [REPORT, "device/+/report", "#", "device/#", "+/+/+", "device/00M09A000000001/report/#", "+/#"]
)
def test_filters_of_slicers_and_tools_cover_the_report_topic(topic_filter: str) -> None:
    assert topic_matches(topic_filter, REPORT)


@pytest.mark.parametrize(
    "topic_filter",
    ["device/other/report", "device/+", "+", "device/+/report/+", "Device/+/report", "device/+/request", "", "+/+"],
)
def test_other_filters_do_not(topic_filter: str) -> None:
    assert not topic_matches(topic_filter, REPORT)


@pytest.mark.parametrize("topic_filter", ["#", "+/broker", "+"])
def test_a_leading_wildcard_covers_no_system_topic(topic_filter: str) -> None:
    assert not topic_matches(topic_filter, "$SYS/broker")
    assert topic_matches("$SYS/#", "$SYS/broker")


def test_empty_levels_are_levels() -> None:
    assert topic_matches("/+", "/finance")
    assert topic_matches("+/+", "/finance")
    assert not topic_matches("+", "/finance")


@pytest.mark.parametrize("topic_filter", ["a", "/", "+", "#", "a/+/b", "+/#", "a//b", "odd\0char", "$SYS/#"])
def test_well_formed_filters(topic_filter: str) -> None:
    assert is_topic_filter(topic_filter)


@pytest.mark.parametrize(
    "topic_filter", ["", "a#", "#/a", "a/#/b", "a+", "+a/b", "a/b+", "é" * (MAX_FILTER_BYTES // 2 + 1)]
)
def test_ill_formed_filters(topic_filter: str) -> None:
    assert not is_topic_filter(topic_filter)


def test_names_are_not_empty_and_hold_no_wildcard() -> None:
    assert is_topic_name("device/1/request\0")
    assert not is_topic_name("")
    assert not is_topic_name("device/+/request")
    assert not is_topic_name("#")


@given(st.lists(st.text(st.sampled_from("ab$é"), max_size=3), min_size=1, max_size=6), st.data())
def test_a_filter_made_from_a_topic_covers_it(levels: list[str], data: st.DataObject) -> None:
    topic = "/".join(levels)
    wanted = [levels[0], *("+" if data.draw(st.booleans()) else level for level in levels[1:])]
    keep = data.draw(st.integers(1, len(levels)))
    assert topic_matches("/".join(wanted), topic)
    assert topic_matches("/".join([*wanted[:keep], "#"]), topic)


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_two_texts_can_be_compared(topic_filter: str, topic: str) -> None:
    assert topic_matches(topic_filter, topic) in {True, False}
