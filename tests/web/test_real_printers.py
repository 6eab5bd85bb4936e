"""Real printers at the page: added by address and code, watched, and reached by slicers through a proxy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.simulators.mqtt import Link
from tests.simulators.printer.printer import PrinterPorts, SimulatedPrinter
from tests.simulators.slicer import USER
from tests.system.harness import System
from tests.system.processes import wait_for

SOON = 45_000
"""Milliseconds; a service that missed a change reads all again within half a minute."""


@pytest.fixture
def shop(system: System) -> Iterator[SimulatedPrinter]:
    """A real printer that prints."""
    ports = system.ports
    where = PrinterPorts(ports.detect, ports.detect_tls, ports.mqtt, ports.ftps, ports.tunnel, ports.rtsps)
    printer = SimulatedPrinter(system.fresh_address(), model="C12", name="Shop floor", ports=where)
    system.secrets.add(printer.access_code)
    with printer:
        printer.machine.report["gcode_state"] = "RUNNING"
        printer.machine.report["subtask_name"] = "planetary gear"
        printer.machine.report["mc_percent"] = 40
        yield printer


def pick(select: Locator, key: str) -> None:
    """Choose an address that the page does not offer."""
    select.evaluate(
        """(select, key) => {
            select.append(new Option(key, key));
            select.value = key;
            select.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        key,
    )


def add(page: Page, shop: SimulatedPrinter) -> Locator:
    """Add the printer; returns its card."""
    page.get_by_role("button", name="Add a real printer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Address", exact=True).fill(shop.address)
    dialog.get_by_label("Access code").fill("Wrong123")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_be_visible(timeout=SOON)
    expect(dialog.get_by_label("Address", exact=True)).to_have_value(shop.address)
    dialog.get_by_label("Access code").fill(shop.access_code)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_have_count(0, timeout=SOON)
    return page.get_by_role("region", name="Real printers").get_by_role("article", name="Shop floor")


def test_a_real_printer_is_added_watched_and_printed_on_through_a_proxy(
    page: Page, system: System, shop: SimulatedPrinter
) -> None:
    card = add(page, shop)
    expect(card).to_contain_text("Online", timeout=SOON)
    expect(card).to_contain_text("planetary gear", timeout=SOON)
    expect(card).not_to_contain_text(shop.access_code)
    card.get_by_role("button", name="Show access code").click()
    expect(card).to_contain_text(shop.access_code)

    address = system.fresh_address()
    page.get_by_role("button", name="New printer").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Door")
    dialog.get_by_role("radio", name="Proxy").check()
    dialog.get_by_label("Real printer", exact=True).select_option(label="Shop floor")
    dialog.get_by_role("radio", name="Send files").check()
    dialog.get_by_role("switch", name="Relay its camera").press("Space")
    expect(dialog.get_by_role("button", name="Create")).to_be_in_viewport()
    pick(dialog.get_by_label("Network"), f"address:{address}")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_have_count(0)
    door = page.get_by_role("article", name="Door")
    expect(door).to_contain_text("the printer's own")
    expect(door).to_contain_text("Nobody is connected.")
    expect(door).to_contain_text(shop.serial)
    expect(door).to_contain_text("Running", timeout=SOON)
    expect(card).to_contain_text("Door")

    (made,) = [one for one in system.api.items("virtual-printers") if one["name"] == "Door"]
    assert made["relay"] == {"allow": "files", "ftp": "terminate", "capture": False, "camera": False}
    link = Link(address, system.ports.mqtt, ca_pem=system.ca_pem(), serial=shop.serial, source=system.fresh_address())
    link.connect("studio_client_id:1f2e", USER, shop.access_code)
    connection = door.get_by_role("listitem").first
    expect(connection).to_contain_text(f"Port {system.ports.mqtt}", timeout=SOON)
    connection.get_by_role("button", name="Disconnect").click()
    expect(door).to_contain_text("Nobody is connected.", timeout=SOON)
    link.close()
    system.api.delete(f"virtual-printers/{made['id']}")
    expect(card).to_contain_text("nobody yet", timeout=SOON)
    card.get_by_role("button", name="Edit").click()
    page.get_by_role("dialog", name="Edit Shop floor").get_by_role("button", name="Forget").click()
    page.get_by_role("dialog", name="Forget Shop floor?").get_by_role("button", name="Forget").click()
    expect(card).to_have_count(0)


def test_a_printer_that_is_heard_is_picked_and_another_certificate_is_accepted(
    page: Page, system: System, shop: SimulatedPrinter
) -> None:
    shop.announce("127.255.255.255", system.ports.ssdp)
    wait_for(lambda: system.api.items("printers/discovered"), "discovery has heard it")
    page.get_by_role("button", name="Add a real printer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="Shop floor").check()
    expect(dialog.get_by_label("Address", exact=True)).to_have_value(shop.address)
    expect(dialog.get_by_label("Access code")).to_be_focused()
    page.keyboard.type(shop.access_code)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0, timeout=SOON)
    card = page.get_by_role("region", name="Real printers").get_by_role("article", name="Shop floor")
    expect(card).to_contain_text("Online", timeout=SOON)

    shop.change_certificate()
    card.get_by_role("button", name="Accept this certificate").click(timeout=SOON)
    expect(card).to_contain_text("Online", timeout=SOON)
    (known,) = system.api.items("printers")
    assert known["fingerprint"] == shop.identity.fingerprint
    system.api.delete(f"printers/{known['id']}")
    expect(card).to_have_count(0, timeout=SOON)
