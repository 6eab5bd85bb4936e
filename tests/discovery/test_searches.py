from ipaddress import IPv4Interface

from prometheus_client import CollectorRegistry

from tests.common.printers import virtual_printer
from tests.discovery.radio import Recorded, arrival
from vprinter_common.fleet.edge import ANY, Placement, Serving
from vprinter_common.net import Interface
from vprinter_common.wire import ssdp
from vprinter_discovery.announcer import Announced
from vprinter_discovery.routes import routes
from vprinter_discovery.searches import MAX_SOURCES, Bucket, Rate, Searches

HOST = [
    Interface("lo", (IPv4Interface("127.0.0.1/8"),)),
    Interface("eth0", (IPv4Interface("192.168.1.5/24"),)),
    Interface("eth1", (IPv4Interface("10.0.0.5/16"),)),
]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def announced(bind: str, number: int = 1) -> Announced:
    placement = Placement(ANY, None, "192.168.1.5") if bind == ANY else Placement(bind, bind, bind)
    spec = virtual_printer(id=f"p{number}", serial=f"S{number}")
    return Announced(Serving(spec, placement), routes(placement, HOST))


def answers(searches: Searches, airwaves: Recorded, **came: object) -> list[tuple[str, str]]:
    """(serial, location) of every answer to one search."""
    airwaves.sent.clear()
    searches.answer(arrival(**came))  # type: ignore[arg-type]
    said = [ssdp.parse(datagram) for datagram, *_ in airwaves.sent]
    return [
        (one.announcement.serial, one.announcement.location) for one in said if isinstance(one, ssdp.SearchResponse)
    ]


def searches_for(*printers: Announced, **more: object) -> tuple[Searches, Recorded]:
    airwaves = Recorded()
    options = {"registry": CollectorRegistry(), "clock": Clock(), **more}
    return Searches(airwaves, lambda: printers, **options), airwaves  # type: ignore[arg-type]


def test_a_printer_in_the_askers_network_answers_to_the_asker_from_the_address_it_can_reach() -> None:
    searches, airwaves = searches_for(announced("192.168.1.5"))
    assert answers(searches, airwaves, peer="192.168.1.9") == [("S1", "192.168.1.5")]
    _, destination, source, device = airwaves.sent[0]
    assert (destination, source, device) == (("192.168.1.9", 50021), "192.168.1.5", "")


def test_a_printer_at_any_address_names_the_one_that_the_asker_reached() -> None:
    searches, airwaves = searches_for(announced(ANY))
    assert answers(searches, airwaves, device="eth1", local="10.0.0.5") == [("S1", "10.0.0.5")]


def test_a_broadcast_search_finds_only_the_printers_of_that_network() -> None:
    searches, airwaves = searches_for(announced("192.168.1.5", 1), announced("10.0.0.5", 2), announced("127.0.0.2", 3))
    assert answers(searches, airwaves, device="eth0") == [("S1", "192.168.1.5")]
    assert answers(searches, airwaves, device="lo", peer="127.0.0.1", local="127.0.0.1") == [("S3", "127.0.0.2")]


def test_who_asks_this_host_directly_finds_all_but_those_on_loopback() -> None:
    searches, airwaves = searches_for(announced("192.168.1.5", 1), announced("10.0.0.5", 2), announced("127.0.0.2", 3))
    found = answers(searches, airwaves, peer="100.64.0.9", device="wg0", local="100.64.0.1", unicast=True)
    assert found == [("S1", "192.168.1.5"), ("S2", "10.0.0.5")]


def test_answers_to_one_source_are_limited_and_the_others_do_not_suffer() -> None:
    clock = Clock()
    searches, airwaves = searches_for(
        announced("192.168.1.5"), clock=clock, per_source=Rate(1, 3), in_total=Rate(100, 100)
    )
    given = sum(len(answers(searches, airwaves, peer="192.168.1.66")) for _ in range(50))
    assert given == 3
    assert len(answers(searches, airwaves, peer="192.168.1.9")) == 1
    clock.now += 2
    assert sum(len(answers(searches, airwaves, peer="192.168.1.66")) for _ in range(50)) == 2


def test_answers_in_total_are_limited_whatever_senders_are_forged() -> None:
    searches, airwaves = searches_for(announced("192.168.1.5"), per_source=Rate(9, 9), in_total=Rate(1, 20))
    given = sum(len(answers(searches, airwaves, peer=f"10.{n // 200}.0.{n % 200}")) for n in range(2000))
    assert given == 20
    assert len(searches._sources) == MAX_SOURCES


def test_an_asker_that_cannot_be_reached_is_given_up() -> None:
    searches, airwaves = searches_for(announced("192.168.1.5", 1), announced(ANY, 2))
    airwaves.failures[""] = OSError(101, "Network is unreachable")
    assert answers(searches, airwaves) == []


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(Rate(per_second=10, burst=2), now=0.0)
    assert [bucket.take(1000.0) for _ in range(3)] == [True, True, False]
