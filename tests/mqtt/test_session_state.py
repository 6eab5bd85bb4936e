"""What is known of one slicer, and which slicer an upload belongs to."""

import pytest

from tests.mqtt.playbook import CLIENT, CODE, SERIAL, a_session, an_upload
from vprinter_common.wire.project_file import parse
from vprinter_mqtt.session_state import SessionState, session_for_upload


def asking(client: str, filename: str = "cube.gcode.3mf", at: float = 0.0, owner: str = "") -> SessionState:
    session = a_session(client=client, owner=owner)
    session.job.on_project_file(parse({"file": filename}), stored=False, now=at)
    return session


def test_at_first_the_serial_is_the_printers_own() -> None:
    assert a_session().report_topic == f"device/{SERIAL}/report"


def test_the_first_subscription_with_a_serial_teaches_it_and_later_ones_do_not() -> None:
    session = a_session()
    for topic in ("#", "device/+/report", "device/OLD1/request", "device/OLD2/report", "device/OLD3/report"):
        session.on_subscribe(topic)
    assert session.serial == "OLD2"


def test_a_request_corrects_the_serial_and_no_later_subscription_does() -> None:
    session = a_session()
    assert session.on_request_topic("device/OLD2/request")
    session.on_subscribe("device/OLD3/report")
    assert session.serial == "OLD2"


@pytest.mark.parametrize("topic", ["device/x/report", "device//request", "device/" + "x" * 33 + "/request", "x", ""])
def test_other_topics_teach_nothing(topic: str) -> None:
    session = a_session()
    assert not session.on_request_topic(topic)
    assert session.serial == SERIAL


def test_the_repr_hides_the_access_code() -> None:
    assert CODE not in repr(a_session())


def test_the_deadline_is_the_jobs() -> None:
    assert a_session().next_deadline is None
    assert asking(CLIENT, at=5.0).next_deadline == 125.0


def test_an_upload_belongs_to_the_session_that_asked_for_the_file() -> None:
    idle, other, wanted = a_session(), asking(CLIENT, "other.3mf"), asking(CLIENT)
    assert session_for_upload([idle, other, wanted], an_upload("started")) is wanted


def test_of_two_windows_that_asked_for_the_same_name_the_first_gets_the_first() -> None:
    second, first = asking(CLIENT, at=2.0), asking(CLIENT, at=1.0)
    assert session_for_upload([second, first], an_upload("started")) is first
    first.job.on_upload(an_upload("started"), 3.0)
    assert session_for_upload([second, first], an_upload("started", "u2")) is second
    assert session_for_upload([second, first], an_upload("progress")) is first


def test_an_upload_that_nobody_asked_for_belongs_to_the_only_session_of_its_address() -> None:
    mine, other = a_session(), a_session(client="10.0.0.9")
    assert session_for_upload([other, mine], an_upload("started")) is mine


def test_where_it_is_not_certain_an_upload_belongs_to_nobody() -> None:
    assert session_for_upload([a_session(), a_session()], an_upload("started")) is None
    assert session_for_upload([a_session(client="10.0.0.9")], an_upload("started")) is None
    assert session_for_upload([], an_upload("started")) is None


def test_another_slicers_wish_for_a_file_of_that_name_does_not_catch_it() -> None:
    mine, other = a_session(), asking("10.0.0.9")
    assert session_for_upload([other, mine], an_upload("started")) is mine


def test_a_host_with_two_addresses_gets_its_upload_by_name() -> None:
    asked = asking("10.0.0.9")
    assert session_for_upload([asked, a_session(client="10.0.0.8")], an_upload("started")) is asked
    assert session_for_upload([asked, asking("10.0.0.8")], an_upload("started")) is None


def test_behind_one_address_the_code_tells_two_people_apart() -> None:
    ann, bob = a_session(owner="ann"), a_session(owner="bob")
    assert session_for_upload([ann, bob], an_upload("started", owner="bob")) is bob
