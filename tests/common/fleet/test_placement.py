from tests.common.fleet.rig import HOST
from tests.common.printers import virtual_printer
from vprinter_common.fleet.edge import ANY, Placement, place


def test_a_printer_at_an_address_is_placed_where_that_address_is() -> None:
    assert place(virtual_printer("192.168.1.5"), HOST) == Placement("192.168.1.5", "192.168.1.5", "192.168.1.5")
    assert place(virtual_printer("192.168.1.6"), HOST) == "address 192.168.1.6 is not on this host"


def test_a_printer_at_an_interface_is_placed_at_that_interfaces_first_address() -> None:
    assert place(virtual_printer(bind={"interface": "eth0"}), HOST) == Placement(
        "192.168.1.5", "192.168.1.5", "192.168.1.5"
    )
    assert place(virtual_printer(bind={"interface": "eth7"}), HOST) == (
        "interface eth7 is not on this host, or has no IPv4 address"
    )


def test_a_printer_at_any_address_tells_each_slicer_the_one_it_reached_unless_told_otherwise() -> None:
    placement = place(virtual_printer(bind={"any": True}), HOST)
    assert isinstance(placement, Placement)
    assert (placement.bind, placement.advertise) == (ANY, None)
    assert placement.address_for("10.0.0.5") == "10.0.0.5"
    assert placement.address_for(None) == placement.address_for(ANY) == placement.fallback
    fixed = place(virtual_printer(bind={"any": True}, advertise="203.0.113.9"), HOST)
    assert isinstance(fixed, Placement)
    assert fixed.address_for("10.0.0.5") == "203.0.113.9"
