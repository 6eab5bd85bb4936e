"""Incoming, archive and queue at the page."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.simulators.profiles import STUDIO_27
from tests.simulators.threemf import Plate, sliced
from tests.system.harness import System
from tests.system.processes import wait_for

MANY = 10_000


@pytest.fixture(scope="module")
def review(system: System) -> dict[str, str]:
    """Two pending uploads of a printer in mode review, and three jobs of one in mode queue; ids by file name."""
    printer, farm = system.new_printer(mode="review", name="Review"), system.new_printer(mode="queue", name="Farm")
    files = {name: sliced(title=name, seed=seed) for seed, name in enumerate(("anvil", "bell"), start=1)}
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        for name, content in files.items():
            slicer.send(f"{name}.gcode.3mf", content)
    with system.slicer(farm, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        slicer.send("crane.gcode.3mf", sliced(*(Plate(index=index) for index in (1, 2, 3)), title="crane"))
    wait_for(lambda: len(system.api.items("pending")) == 2, "two pending uploads")
    wait_for(lambda: len(system.api.items("queue")) == 3, "three jobs")
    return {item["name"]: item["id"] for item in system.api.items("pending")}


def test_what_is_discarded_comes_back_with_undo(page: Page, system: System, review: dict[str, str]) -> None:
    page.goto("/incoming")
    card = page.get_by_role("article", name="anvil")
    card.get_by_role("button", name="Discard").click()
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(card).to_be_visible()
    assert system.api.get(f"pending/{review['anvil']}")["name"] == "anvil"


def test_many_are_approved_together(page: Page, system: System, review: dict[str, str]) -> None:
    page.goto("/incoming")
    page.get_by_label("Select all").check()
    bar = page.get_by_role("toolbar")
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="To archive").click()
    expect(page.get_by_role("heading", name="Nothing is waiting")).to_be_visible()
    wait_for(
        lambda: {item["id"] for item in system.api.items("archive")} >= set(review.values()), "both in the archive"
    )


@pytest.mark.usefixtures("review")
def test_the_queue_is_ordered_held_and_emptied_by_keyboard(page: Page, system: System) -> None:
    def order() -> list[int]:
        return [item["plate"] for item in system.api.items("queue")]

    page.goto("/queue")
    rows = page.get_by_role("list", name="Jobs in order").get_by_role("article")
    expect(rows).to_have_count(3)
    grip(rows.nth(0)).focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_contain_text("Plate 1")
    expect(grip(rows.nth(1))).to_be_focused()
    page.keyboard.press("End")
    expect(rows.nth(2)).to_contain_text("Plate 1")
    wait_for(lambda: order() == [2, 3, 1], "the order 2, 3, 1")
    expect(page.get_by_text("now 3 of 3")).to_be_attached()
    rows.nth(0).get_by_role("button", name="Hold").click()
    expect(rows.nth(0)).to_contain_text("On hold")
    wait_for(lambda: system.api.items("queue")[0]["hold"], "the hold")
    rows.nth(1).get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(3)
    wait_for(lambda: order() == [2, 3, 1], "the removed job in its old place")


def grip(row: Locator) -> Locator:
    """The handle of a row."""
    return row.get_by_role("button", name=re.compile("^Move"))


@pytest.mark.full
@pytest.mark.usefixtures("review")
def test_ten_thousand_prints_scroll_as_ten_do(page: Page, system: System) -> None:
    example: dict[str, Any] = system.api.items("archive")[0]

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        first, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
        last = min(first + limit, MANY)
        items = [{**example, "id": f"{number:032x}", "title": f"Print {number}"} for number in range(first, last)]
        route.fulfill(
            body=json.dumps({"items": items, "next": str(last) if last < MANY else None}),
            content_type="application/json",
        )

    page.route(re.compile(r"/api/v1/archive\?"), answer)
    page.route(re.compile(r"/thumbnail$"), lambda route: route.fulfill(status=404))
    page.goto("/archive")
    cards = page.get_by_role("list", name="Archived files").get_by_role("link")
    expect(cards.first).to_contain_text("Print 0")
    found = page.evaluate(SCROLL)
    expect(page.get_by_text(f"Print {MANY - 1}", exact=True)).to_be_visible()
    assert found["most"] < 120, found
    assert found["late"] < 2 * found["early"] + 4, found


SCROLL = """async () => {
    // A screen at a time through the first page of the list; to the end of all pages; and again so from there back up.
    const frame = () => new Promise(requestAnimationFrame);
    const cards = () => document.querySelectorAll(".archive-card").length;
    let most = 0;
    const median = async (direction) => {
        const times = [];
        for (let before = await frame(), count = 0; count < 24; count += 1) {
            scrollBy(0, direction * innerHeight * 0.4);
            const now = await frame();
            times.push(now - before);
            before = now;
            most = Math.max(most, cards());
        }
        return times.sort((one, other) => one - other)[12];
    };
    const early = await median(1);
    while (!document.querySelector("[aria-posinset='10000']")) {
        scrollTo(0, document.documentElement.scrollHeight);
        await frame();
        most = Math.max(most, cards());
    }
    const late = await median(-1);
    scrollTo(0, document.documentElement.scrollHeight);
    return { early, late, most };
}"""
