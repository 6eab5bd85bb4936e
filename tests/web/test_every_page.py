"""What holds for every page: large and small screens, dark and light, without a mouse, and when control goes away."""

import signal

import pytest
from playwright.sync_api import Page, expect

from tests.system.harness import System
from tests.web.browser import DESKTOP, PHONE
from tests.web.conftest import Door

PLACES = {
    "printers": "Printers",
    "incoming": "Incoming",
    "archive": "Archive",
    "queue": "Queue",
    "set-up": "Set-up",
    "doctor": "Doctor",
    "settings/tokens": "Access",
    "settings/certificate": "Access",
    "settings/audit": "Access",
}


@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, False), (PHONE, True)], ids=["desktop, light", "phone, dark"])
def test_every_page_fits_its_screen_and_names_all_it_offers(
    door: Door, system: System, size: tuple[int, int], dark: bool
) -> None:
    if not system.api.items("virtual-printers"):
        system.new_printer(name="Workshop", mode="review")
    page = door.enter(size=size, dark=dark)
    for place, heading in PLACES.items():
        page.goto(f"/{place}")
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{place} is too wide"
        assert not nameless(page), place


def nameless(page: Page) -> list[str]:
    """Controls that a screen reader could not name."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], input, select, textarea")]
            .filter((element) => !(element.textContent.trim() || element.ariaLabel || element.title
                || element.labels?.length || element.alt))
            .map((element) => element.outerHTML.slice(0, 120))"""
    )
    return found


def test_a_wrong_token_is_explained_and_leads_nowhere(door: Door) -> None:
    page = door.enter(logged_in=False)
    page.goto("/queue")
    page.get_by_label("Token").fill("not a token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("token")
    expect(page.get_by_role("heading", name="Queue")).to_have_count(0)


def test_who_signs_out_is_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    page.goto("/archive")
    expect(page.get_by_label("Token")).to_be_visible()


def test_the_keyboard_alone_opens_fills_and_closes_a_form(page: Page) -> None:
    opener = page.get_by_role("button", name="New printer").first
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()


def test_the_page_is_live_again_when_control_is_back(page: Page, system: System) -> None:
    live = page.get_by_text("Live", exact=True)
    expect(live).to_be_visible()
    system.kill("control", signal.SIGKILL)
    expect(page.get_by_text("The connection is lost.")).to_be_visible()
    system.await_ready("control")
    expect(live).to_be_visible()
    made = system.api.post("projects", {"name": "While it was away"})
    page.get_by_role("link", name="Archive").click()
    expect(page.get_by_label("Project").locator("option", has_text="While it was away")).to_have_count(1)
    system.api.delete(f"projects/{made['id']}")
    expect(page.get_by_label("Project").locator("option", has_text="While it was away")).to_have_count(0)
