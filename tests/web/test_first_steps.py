"""From the first login to the downloaded file, as a maker goes."""

import re
from hashlib import sha256
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.simulators.profiles import STUDIO_27
from tests.simulators.slicer import USER
from tests.system.harness import Printer, System
from tests.system.processes import wait_for
from tests.web.conftest import Door
from tests.web.prints import PLANETARY

CODE = "Geheim42"


def test_a_maker_gets_from_the_login_to_the_downloaded_file(door: Door, system: System, tmp_path: Path) -> None:
    page = door.enter(logged_in=False)
    log_in_by_keyboard(page, str(system.token))
    printer = create_printer(page, system)
    content = PLANETARY.content(padding=24 << 20)
    watch_it_arrive(page, system, printer, content)
    approve_to_the_queue(page)
    put_the_last_first(page, system)
    assert search_and_download(page, tmp_path) == sha256(content).hexdigest()


def log_in_by_keyboard(page: Page, token: str) -> None:
    page.goto("/")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Printers", level=1)).to_be_visible()


def create_printer(page: Page, system: System) -> Printer:
    page.get_by_role("button", name="New printer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Kitchen")
    dialog.get_by_label("Review").check()
    address = system.fresh_address()
    # The addresses of a test are all on the loopback, which lists only one of them.
    dialog.get_by_label("Network").evaluate(
        """(select, key) => {
            select.append(new Option(key, key));
            select.value = key;
            select.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        f"address:{address}",
    )
    dialog.get_by_label("Access code").fill(CODE)
    system.secrets.add(CODE)
    dialog.get_by_role("button", name="Create").click()
    card = page.get_by_role("article", name="Kitchen")
    expect(card).to_contain_text("Running")
    expect(card).to_contain_text(address)
    expect(card).not_to_contain_text(CODE)
    card.get_by_role("button", name="Show access code").click()
    expect(card).to_contain_text(CODE)
    (made,) = [item for item in system.api.items("virtual-printers") if item["name"] == "Kitchen"]
    return Printer(made["id"], made["serial"], address, CODE, made["model"])


def watch_it_arrive(page: Page, system: System, printer: Printer, content: bytes) -> None:
    page.get_by_role("link", name="Incoming").click()
    half = len(content) // 2
    progress = page.get_by_role("progressbar", name=f"Upload of {PLANETARY.filename}")
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        with slicer.ftps() as session:
            session.login(USER, CODE)
            session.begin_store(PLANETARY.filename)
            session.write(memoryview(content)[:half])
            expect(progress).to_be_visible()
            expect(page.get_by_label("Uploads in progress")).to_contain_text(re.compile(r"\d+ MB"))
            session.finish_store(content[half:])
            session.quit()
    expect(progress).to_have_count(0)
    card = page.get_by_role("article", name="planetary_gearbox")
    expect(card.get_by_role("heading")).to_have_text("Planetary gearbox")
    expect(card.get_by_role("img", name="Plate 2: Ring")).to_be_visible()
    expect(card).to_contain_text("7 h 54 min")
    expect(card).to_contain_text("3 plates")


def approve_to_the_queue(page: Page) -> None:
    card = page.get_by_role("article", name="planetary_gearbox")
    card.get_by_role("button", name="With details").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Archive and queue").check()
    dialog.get_by_label("Project").select_option("New project…")
    dialog.get_by_placeholder("Name of the new project").fill("Machines")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("combobox", name="Project")).to_have_value(re.compile("."))
    dialog.get_by_label("Tags").fill("gears, for Mira")
    dialog.get_by_role("button", name="Approve").click()
    expect(card).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="is in the queue")).to_be_visible()


def put_the_last_first(page: Page, system: System) -> None:
    page.get_by_role("link", name="Queue").click()
    rows = page.get_by_role("list", name="Jobs in order").get_by_role("article", name="planetary_gearbox")
    expect(rows).to_have_count(3)
    grip = rows.nth(2).get_by_role("button", name=re.compile("^Move"))
    grip.hover()
    box, target = grip.bounding_box(), rows.nth(0).bounding_box()
    assert box is not None
    assert target is not None
    page.mouse.down()
    page.mouse.move(box["x"] + 8, box["y"] - 40, steps=4)
    page.mouse.move(box["x"] + 8, target["y"] + 10, steps=8)
    page.mouse.up()
    expect(rows.nth(0)).to_contain_text("Plate 3")

    def order() -> list[int]:
        return [item["plate"] for item in system.api.items("queue") if item["name"] == "planetary_gearbox"]

    wait_for(lambda: order() == [3, 1, 2], "the queue's new order")


def search_and_download(page: Page, directory: Path) -> str:
    page.get_by_role("link", name="Archive").click()
    page.get_by_label("Search the archive").fill("mira koval gears")
    cards = page.get_by_role("list", name="Archived files").get_by_role("link")
    expect(cards).to_have_count(1)
    cards.click()
    dialog = page.get_by_role("dialog", name="Planetary gearbox")
    expect(dialog.get_by_label("Project")).to_have_value(re.compile("."))
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == PLANETARY.filename
    target = directory / "downloaded"
    download.value.save_as(target)
    return sha256(target.read_bytes()).hexdigest()
