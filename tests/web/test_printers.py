"""Making and changing printers at the page."""

import re

from playwright.sync_api import Page, expect

from tests.simulators.profiles import STUDIO_27
from tests.system.harness import System


def test_another_model_warns_before_and_changes_the_serial_number(page: Page, system: System) -> None:
    printer = system.new_printer(name="Remodelled")
    page.reload()
    card = page.get_by_role("article", name="Remodelled")
    card.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("another serial number")).to_have_count(0)
    dialog.get_by_label("Model").select_option(label="P1S")
    expect(dialog.get_by_role("alert")).to_contain_text("another serial number")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(card).to_contain_text("P1S")
    expect(card).not_to_contain_text(printer.serial)
    system.remove(printer)
    expect(card).to_have_count(0)


def test_a_refused_change_comes_back_with_what_was_typed_and_why(page: Page, system: System) -> None:
    printer = system.new_printer(name="First there")
    other = system.new_printer(name="Newcomer")
    page.reload()
    page.get_by_role("article", name="Newcomer").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Squatter")
    dialog.get_by_label("Network").evaluate(
        """(select, key) => {
            select.append(new Option(key, key));
            select.value = key;
            select.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        f"address:{printer.address}",
    )
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("First there")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Squatter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("article", name="Newcomer")).to_be_visible()
    for one in (printer, other):
        system.remove(one)


def test_what_was_typed_is_kept_when_somebody_else_was_faster(page: Page, system: System) -> None:
    printer = system.new_printer(name="Contested")
    page.reload()
    with page.expect_response(f"**/virtual-printers/{printer.id}"):
        page.get_by_role("article", name="Contested").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Mine")
    system.api.patch(f"virtual-printers/{printer.id}", {"mode": "review"})
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("changed after you looked at it")
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Mine")
    expect(dialog.get_by_role("radio", name="Review")).to_be_checked()
    with page.expect_response(lambda response: response.request.method == "PATCH") as saved:
        dialog.get_by_role("button", name="Save").click()
    assert saved.value.ok
    expect(page.get_by_role("article", name="Mine")).to_contain_text("Review")
    changed = system.api.get(f"virtual-printers/{printer.id}")
    assert (changed["name"], changed["mode"]) == ("Mine", "review")
    system.remove(printer)


def test_a_switch_acts_at_once_and_a_listener_that_fails_says_why(page: Page, system: System) -> None:
    printer = system.new_printer(name="Switched", enabled=False)
    page.reload()
    card = page.get_by_role("article", name="Switched")
    expect(card).to_contain_text("Off")
    card.get_by_text("Off", exact=True).last.click()
    system.await_reachable(printer)
    expect(card).to_contain_text("Running")
    system.api.patch(f"virtual-printers/{printer.id}", {"bind": {"address": "203.0.113.9"}})
    expect(card).to_contain_text(re.compile("Not served|Needs attention"), timeout=40_000)
    expect(card.get_by_role("listitem").first).to_be_visible()
    system.remove(printer)


def test_each_person_gets_a_code_and_the_last_one_stays(page: Page, system: System) -> None:
    printer = system.new_printer(name="Shared")
    page.reload()
    page.get_by_role("article", name="Shared").get_by_role("button", name="Edit").click()
    codes = page.get_by_role("region", name="Access codes")
    expect(codes.get_by_role("listitem")).to_have_count(1)
    expect(codes.get_by_role("button", name="Revoke the code of Everybody")).to_be_disabled()
    codes.get_by_label("Name of the person a new code is for").fill("Ane")
    page.keyboard.press("Enter")
    expect(codes.get_by_role("listitem")).to_have_count(2)
    for code in system.api.items(f"virtual-printers/{printer.id}/access-codes"):
        system.secrets.add(code["code"])
    codes.get_by_role("button", name="Revoke the code of Ane").click()
    expect(codes.get_by_role("listitem")).to_have_count(1)
    system.remove(printer)


def test_the_set_up_turns_green_as_the_slicer_comes_along(page: Page, system: System) -> None:
    printer = system.new_printer(name="Guided")
    page.goto(f"/set-up/{printer.id}")
    steps = page.get_by_role("region", name="Progress of your slicer").get_by_role("listitem")
    expect(steps).to_have_count(4)
    expect(steps.nth(0)).to_contain_text("Waiting for your slicer")
    page.get_by_role("button", name="Can this computer reach it?").click()
    expect(page.get_by_text(f"{printer.address} answers this computer.")).to_be_visible()
    page.get_by_role("button", name="Windows").click()
    expect(page.locator("code", has_text="irm ")).to_contain_text("/certificate-authority/installers/windows")
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        expect(steps.nth(0)).to_contain_text("The slicer found the printer.")
        slicer.connect()
        expect(steps.nth(2)).to_contain_text("The access code is right.")
    system.remove(printer)
