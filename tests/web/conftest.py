"""The real system and a browser for all tests here.

Playwright's loop stays in the thread that started it and would be in the way of asynchronous tests elsewhere, so the
browser lives in a thread of its own, and the tests in this directory run there.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pytest
from playwright.sync_api import Browser, Page

from tests.system.harness import System
from tests.web.browser import DESKTOP, chromium, log_in, open_page

_THREAD = pytest.StashKey[ThreadPoolExecutor]()


def _thread(config: pytest.Config) -> ThreadPoolExecutor:
    if _THREAD not in config.stash:
        config.stash[_THREAD] = ThreadPoolExecutor(1, "browser")
    return config.stash[_THREAD]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Run a test of this directory in the browser's thread."""
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    _thread(pyfuncitem.config).submit(partial(pyfuncitem.obj, **arguments)).result()
    return True


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system as a user runs it, without the printer of the first start."""
    with System(tmp_path_factory.mktemp("web")) as running:
        running.remove_first_printer()
        yield running


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    """One browser for all tests."""
    thread = _thread(pytestconfig)
    context = chromium()
    yield thread.submit(context.__enter__).result()
    thread.submit(context.__exit__, None, None, None).result()
    thread.shutdown()


@dataclass(slots=True)
class Visitor:
    """Somebody at the page, in a session of his own."""

    page: Page
    complaints: list[str]
    """What the page's console had to say against it: errors of scripts, and what the content policy forbids."""


@dataclass(frozen=True, slots=True)
class Door:
    """Lets visitors in; the test's thread is the browser's."""

    browser: Browser
    system: System
    visitors: list[Visitor]

    def enter(self, *, size: tuple[int, int] = DESKTOP, dark: bool = False, logged_in: bool = True) -> Page:
        """A fresh page, at the printers if logged in."""
        page = open_page(self.browser, self.system.api.url, size=size, dark=dark)
        visitor = Visitor(page, [])
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        page.on("console", lambda message: _note(visitor, message.type, message.text))
        self.visitors.append(visitor)
        if logged_in:
            log_in(page, str(self.system.token))
        return page


def _note(visitor: Visitor, kind: str, text: str) -> None:
    # The browser itself says of each refused request that it was refused; the page shows those.
    if kind == "error" and not text.startswith("Failed to load resource"):
        visitor.complaints.append(text)


@pytest.fixture
def door(browser: Browser, system: System, pytestconfig: pytest.Config) -> Iterator[Door]:
    """Where visitors come in; at the end they leave, and none has a complaint."""
    door = Door(browser, system, [])
    yield door
    for visitor in door.visitors:
        _thread(pytestconfig).submit(visitor.page.context.close).result()
    complaints = [text for visitor in door.visitors for text in visitor.complaints]
    assert not complaints, complaints


@pytest.fixture
def page(door: Door, pytestconfig: pytest.Config) -> Page:
    """A visitor with a large screen, logged in."""
    return _thread(pytestconfig).submit(door.enter).result()
