"""Takes pictures of every page of the real system, with prints in it that look like somebody's.

`.venv/bin/python -m tests.web.screenshots FOLDER [PAGE ...]`: desktop and phone, light and dark. With `--readme` the
README's four go to docs/images instead.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.simulators.mqtt import Link
from tests.simulators.printer.printer import PrinterPorts, SimulatedPrinter
from tests.simulators.profiles import ORCA, STUDIO_27
from tests.simulators.slicer import USER
from tests.system.harness import Printer, System
from tests.system.processes import wait_for
from tests.web.browser import DESKTOP, PHONE, chromium, log_in, open_page
from tests.web.prints import OTHERS, PLANETARY, VASE

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


@dataclass(frozen=True, slots=True)
class House:
    """A system in use."""

    system: System
    workshop: Printer
    intake: Printer


@dataclass(frozen=True, slots=True)
class Shot:
    """One page as it is to be seen."""

    path: str
    steps: Callable[[Page], None] = lambda _page: None


def furnish(system: System) -> House:
    """Printers, an archive, a queue, and what waits for its review."""
    system.remove_first_printer()
    workshop = system.new_printer(name="Workshop", mode="review")
    archive = system.new_printer(name="Archive", model="C12", mode="immediate")
    intake = system.new_printer(name="Farm intake", model="N2S", mode="queue")
    system.new_printer(name="Attic", model="O1D", enabled=False)
    for printer, prints, profile in ((archive, OTHERS[:5], STUDIO_27), (intake, OTHERS[5:], ORCA)):
        with system.slicer(printer, profile) as slicer:
            slicer.add()
            slicer.connect()
            for one in prints:
                slicer.send(one.filename, one.content(model=printer.model))
    code = system.new_code()
    system.api.post(f"virtual-printers/{workshop.id}/access-codes", {"owner": "Mira", "code": code})
    wait_for(lambda: system.revision_is_served(workshop), "Mira's code is known")
    with system.slicer(workshop, STUDIO_27, access_code=code) as slicer:
        slicer.add()
        slicer.connect()
        slicer.send(PLANETARY.filename, PLANETARY.content())
        slicer.send(VASE.filename, VASE.content(model="C12"))
    wait_for(lambda: len(system.api.items("pending")) == 2, "two pending uploads")
    wait_for(lambda: len(system.api.items("archive")) == len(OTHERS), "the archive")
    project = system.api.post("projects", {"name": "Kitchen"})
    for item in system.api.items("archive")[:3]:
        system.api.patch(f"archive/{item['id']}", {"project_id": project["id"], "tags": ["gift"]})
    for item in system.api.items("archive")[-3:]:
        system.api.post("queue", {"archive_id": item["id"]})
    system.api.patch(f"queue/{system.api.items('queue')[1]['id']}", {"hold": True})
    return House(system, workshop, intake)


@contextmanager
def real_printers(system: System) -> Iterator[None]:
    """One that prints, one that is off, and a slicer at a proxy in front of the first."""
    ports = system.ports
    where = PrinterPorts(ports.detect, ports.detect_tls, ports.mqtt, ports.ftps, ports.tunnel, ports.rtsps)
    printer = SimulatedPrinter(system.fresh_address(), model="C12", name="Shop floor", ports=where)
    off = {"host": system.fresh_address(), "access_code": system.new_code(), "serial": "22E00A123456789"}
    with printer:
        printer.machine.report |= {"gcode_state": "RUNNING", "subtask_name": "planetary gear", "mc_percent": 62}
        printer.machine.report |= {"mc_remaining_time": 48, "layer_num": 77, "total_layer_num": 124}
        printer.machine.report |= {"nozzle_temper": 219.8, "bed_temper": 60.1}
        shop = system.api.post("printers", {"host": printer.address, "access_code": printer.access_code})
        system.api.post("printers", off | {"name": "Cellar", "model": "N7"})
        address = system.fresh_address()
        door = {"name": "Studio door", "mode": "proxy", "target": shop["id"], "bind": {"address": address}}
        made = system.api.post("virtual-printers", door | {"relay": {"allow": "files", "capture": True}})
        system.await_reachable(Printer(made["id"], printer.serial, address, printer.access_code, "C12"))
        system.new_printer(name="Night shift", model="C12", mode="queue", target=shop["id"])
        link = Link(address, ports.mqtt, ca_pem=system.ca_pem(), serial=printer.serial, source=system.fresh_address())
        link.connect("studio_client_id:1f2e", USER, printer.access_code)
        link.subscribe(f"device/{printer.serial}/report")
        try:
            yield
        finally:
            link.close()


def shots(house: House) -> dict[str, Shot]:
    """Every page, some of them with something open."""
    archived = house.system.api.items("archive")
    organizer = next(item for item in archived if item["filename"].startswith("drawer"))

    def press(name: str) -> Callable[[Page], None]:
        return lambda page: page.get_by_role("button", name=name).first.click()

    return {
        "login": Shot("/login", _leave),
        "printers": Shot("/printers"),
        "real-printers": Shot("/printers", _down_to_proxies),
        "proxy-form": Shot("/printers", _proxy),
        "real-printer-form": Shot("/printers", press("Add a real printer")),
        "printer-form": Shot("/printers", press("New printer")),
        "printer-edit": Shot("/printers", press("Edit")),
        "incoming": Shot("/incoming"),
        "approval": Shot("/incoming", press("With details")),
        "archive": Shot("/archive"),
        "archive-detail": Shot(f"/archive/{organizer['id']}"),
        "queue": Shot("/queue"),
        "set-up": Shot(f"/set-up/{house.workshop.id}"),
        "doctor": Shot("/doctor"),
        "diagnosis": Shot(f"/doctor/{house.workshop.id}", _diagnose),
        "settings": Shot("/settings/tokens"),
        "token-form": Shot("/settings/tokens", press("New token")),
        "certificate": Shot("/settings/certificate"),
        "audit": Shot("/settings/audit"),
        "more": Shot("/more"),
    }


def _leave(page: Page) -> None:
    page.context.clear_cookies()
    page.reload()


def _down_to_proxies(page: Page) -> None:
    card = page.get_by_role("article", name="Studio door")
    card.evaluate("card => scrollTo(0, scrollY + card.getBoundingClientRect().top - 12)")


def _proxy(page: Page) -> None:
    page.get_by_role("article", name="Studio door").get_by_role("button", name="Edit").click()


def _diagnose(page: Page) -> None:
    page.get_by_role("button", name="Check Workshop").click()
    page.get_by_role("button", name="Check again").wait_for(timeout=30_000)


def take(page: Page, shot: Shot, target: Path, *, whole: bool = False) -> None:
    """One picture, when all that is to be seen is there."""
    page.goto(shot.path)
    page.wait_for_timeout(700)
    shot.steps(page)
    page.wait_for_timeout(500)
    page.screenshot(path=target, full_page=whole)
    # A page has few colours: a palette says it in a third of the bytes.
    with Image.open(target) as picture:
        few = picture.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
        few.save(target, optimize=True)


@contextmanager
def upload_under_way(house: House) -> Iterator[None]:
    """A file that is two thirds there."""
    content = PLANETARY.content(model="N2S", padding=96 << 20, seed=7)
    part = len(content) * 2 // 3
    with house.system.slicer(house.intake, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        with slicer.ftps() as session:
            session.login(USER, house.intake.code)
            session.begin_store("castle_wall_complete.gcode.3mf")
            session.write(memoryview(content)[:part])
            yield
            session.abandon_data()


def main(arguments: list[str]) -> None:
    """Take the pictures."""
    readme = "--readme" in arguments
    names = [argument for argument in arguments if not argument.startswith("-")]
    folder = IMAGES if readme else Path(names.pop(0))
    folder.mkdir(parents=True, exist_ok=True)
    wanted = ["incoming", "archive", "real-printers", "set-up"] if readme else names
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        system = stack.enter_context(System(Path(directory)))
        browser = stack.enter_context(chromium())
        house = furnish(system)
        stack.enter_context(real_printers(system))
        for size, kind in ((DESKTOP, "desktop"), (PHONE, "phone")):
            for dark in (False, True):
                if readme and (kind == "phone" or dark):
                    continue
                page = open_page(browser, system.api.url, size=size, dark=dark)
                page.on("pageerror", lambda error: print(f"page error: {error}", file=sys.stderr))  # noqa: T201
                log_in(page, str(system.token))
                suffix = "" if readme else f"-{kind}-{'dark' if dark else 'light'}"
                asked = {name: shot for name, shot in shots(house).items() if not wanted or name in wanted}
                with upload_under_way(house):  # one for each round: a slicer that says nothing more is cut off
                    for name, shot in sorted(asked.items(), key=lambda entry: entry[0] == "login"):
                        take(page, shot, folder / f"{name}{suffix}.png")
                page.context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
