from prometheus_client import CollectorRegistry

from tests.discovery.radio import arrival
from vprinter_common.wire.ssdp import Announcement
from vprinter_discovery.hearing import FORGET, MAX_PER_SOURCE, MAX_PRINTERS, Hearing


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def real(serial: str = "01P00A000000001", address: str = "192.168.1.30", name: str = "Bench") -> Announcement:
    return Announcement(address, serial, "C12", name, "01.07.00.00", connect="cloud", bind="occupied", inf="wlan0")


def hearing(clock: Clock) -> Hearing:
    return Hearing(registry=CollectorRegistry(), clock=clock)


def test_tells_what_a_printer_said_of_itself_and_how_long_ago() -> None:
    clock = Clock()
    ears = hearing(clock)
    ears.heard(real(), arrival("192.168.1.30", "eth1"))
    clock.now += 2
    (printer,) = ears.printers()
    assert printer.model_dump() == {
        "serial": "01P00A000000001",
        "address": "192.168.1.30",
        "model": "C12",
        "name": "Bench",
        "version": "01.07.00.00",
        "connect": "cloud",
        "bind": "occupied",
        "interface": "eth1",
        "last_heard_seconds": 2.0,
    }


def test_a_printer_that_moved_is_one_printer_at_its_new_address() -> None:
    ears = hearing(Clock())
    ears.heard(real(), arrival("192.168.1.30"))
    ears.heard(real(address="192.168.1.31"), arrival("192.168.1.31"))
    assert [one.address for one in ears.printers()] == ["192.168.1.31"]


def test_a_silent_printer_is_forgotten() -> None:
    clock = Clock()
    ears = hearing(clock)
    ears.heard(real(), arrival())
    clock.now += FORGET
    assert len(ears.printers()) == 1
    clock.now += 1
    assert ears.printers() == ()


def test_only_the_printer_itself_can_say_goodbye() -> None:
    ears = hearing(Clock())
    ears.heard(real(), arrival("192.168.1.30"))
    ears.left(real().serial, arrival("192.168.1.66"))
    assert len(ears.printers()) == 1
    ears.left(real().serial, arrival("192.168.1.30"))
    assert ears.printers() == ()
    ears.left("never heard of", arrival())


def test_a_host_that_invents_serials_cannot_crowd_out_the_others() -> None:
    ears = hearing(Clock())
    ears.heard(real(), arrival("192.168.1.30"))
    for number in range(1000):
        ears.heard(real(f"FAKE{number}"), arrival("192.168.1.66"))
    assert len(ears.printers()) == MAX_PER_SOURCE + 1
    assert real().serial in {one.serial for one in ears.printers()}


def test_the_table_is_bounded_and_the_longest_silent_goes_first() -> None:
    ears = hearing(Clock())
    for number in range(MAX_PRINTERS + 1):
        ears.heard(real(f"S{number}"), arrival(f"10.0.{number // 200}.{number % 200}"))
        ears.heard(real("S1"), arrival("10.0.0.1"))
    serials = {one.serial for one in ears.printers()}
    assert len(serials) == MAX_PRINTERS
    assert "S0" not in serials
    assert "S1" in serials


def test_a_printer_without_a_name_is_shown_by_its_serial_and_an_absurd_serial_not_at_all() -> None:
    ears = hearing(Clock())
    ears.heard(real(name=""), arrival())
    ears.heard(real("X" * 33), arrival())
    assert [one.name for one in ears.printers()] == ["01P00A000000001"]
