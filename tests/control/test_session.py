"""The page's session: a cookie, what it allows, and when it ends."""

from dataclasses import dataclass
from datetime import timedelta
from http.cookies import SimpleCookie
from ipaddress import IPv4Network
from typing import Any

import pytest

from tests.control.harness import ADMIN_TOKEN, READ_TOKEN, Answer, Api, Parts
from vprinter_control import sessions, tokens
from vprinter_control.tokens import Scope


@dataclass(slots=True)
class Page:
    """A browser with the page open."""

    api: Api
    origin: str
    cookie: str | None = None

    async def log_in(self, token: str = ADMIN_TOKEN, **headers: str) -> Answer:
        self.api.client.session.cookie_jar.clear()  # the client's own; this browser keeps one cookie
        answer = await self.api("POST", "session", {"token": token}, headers={"Origin": self.origin} | headers)
        if answer.status == 201:
            self.cookie = cookie_of(answer)["vprinter_session"].value
        return answer

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        self.api.client.session.cookie_jar.clear()
        given = {"Origin": self.origin} | headers
        if self.cookie:
            given["Cookie"] = f"vprinter_session={self.cookie}"
        return await self.api(method, path, body, headers={name: text for name, text in given.items() if text})


def cookie_of(answer: Answer) -> SimpleCookie:
    """What the answer sets."""
    return SimpleCookie(answer.headers["Set-Cookie"])


@pytest.fixture
def page(api: Api) -> Page:
    """A browser at the page's own address, not logged in."""
    own = api.client.make_url("/")
    return Page(Api(api.client, None), f"http://{own.host}:{own.port}")


async def test_a_login_sets_a_cookie_that_no_script_and_no_other_site_can_use(page: Page) -> None:
    answer = await page.log_in()
    assert answer.body == {"name": "admin", "scopes": ["admin"]}
    cookie = cookie_of(answer)["vprinter_session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Strict", "/", "")
    assert ADMIN_TOKEN not in cookie.value
    assert (await page("GET", "session")).body == {"name": "admin", "scopes": ["admin"]}
    assert (await page("POST", "projects", {"name": "Fan"})).status == 201


async def test_what_is_stored_opens_nothing(page: Page, parts: Parts) -> None:
    await page.log_in()
    stored = b"".join(path.read_bytes() for path in parts.blobs.path("0" * 64).parents[3].glob("control.db*"))
    assert page.cookie is not None
    assert stored
    assert page.cookie.encode() not in stored


async def test_a_session_may_do_what_its_token_may(page: Page) -> None:
    await page.log_in(READ_TOKEN)
    assert (await page("GET", "archive")).status == 200
    assert (await page("POST", "projects", {"name": "Fan"})).code == "missing_scope"


async def test_a_wrong_token_is_refused_and_guessing_is_braked(page: Page) -> None:
    for _ in range(5):
        assert (await page.log_in("wrong")).code == "wrong_token"
    assert (await page.log_in()).code == "too_many_failures"


async def test_logging_out_ends_the_session_on_the_server(page: Page) -> None:
    await page.log_in()
    answer = await page("DELETE", "session")
    assert answer.status == 204
    assert cookie_of(answer)["vprinter_session"].value == ""
    assert (await page("GET", "session")).code == "session_ended"
    assert (await page("DELETE", "session")).status == 204
    page.cookie = None
    assert (await page("GET", "session")).code == "no_token"


async def test_the_audit_trail_tells_who_came_and_who_went(page: Page, api: Api) -> None:
    await page.log_in(READ_TOKEN)
    await page("DELETE", "session")
    told = [(item["action"], item["actor"]) for item in await api.items("audit")]
    came = {"kind": "token", "name": "reader"}, {"kind": "session", "name": "reader"}
    assert ("page.login", came[0]) in told
    assert ("page.logout", came[1]) in told


async def test_a_session_ends_twelve_hours_after_its_last_use(page: Page, parts: Parts) -> None:
    await page.log_in()
    for _ in range(3):
        parts.clock.forward(11 * 3600)
        assert (await page("GET", "session")).status == 200
    await parts.control.uses.write()
    parts.clock.forward(11 * 3600)
    assert (await page("GET", "session")).status == 200
    parts.clock.forward(12 * 3600)
    assert (await page("GET", "session")).code == "session_ended"


async def test_a_session_ends_after_a_week_however_much_it_is_used(page: Page, parts: Parts) -> None:
    await page.log_in()
    for _ in range(2 * 7):
        parts.clock.forward(12 * 3600 - 1)
        assert (await page("GET", "session")).status == 200
    parts.clock.forward(3600)
    assert (await page("GET", "session")).code == "session_ended"


async def test_revoking_the_token_ends_its_sessions_at_once(page: Page, api: Api) -> None:
    made = await api.post("tokens", {"name": "Tablet", "scopes": ["files"]})
    await page.log_in(made["token"])
    await api.delete(f"tokens/{made['id']}")
    assert (await page("GET", "archive")).code == "session_ended"


async def test_a_token_has_so_many_sessions_and_the_longest_unused_goes(
    page: Page, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    cookies = []
    for _ in range(3):
        await page.log_in()
        cookies.append(page.cookie)
        parts.clock.forward(1)
    answers = []
    for page.cookie in cookies:
        answers.append((await page("GET", "session")).status)
    assert answers == [401, 200, 200]


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", "http://127.0.0.1:1", "http://", "nonsense"])
@pytest.mark.parametrize(("method", "path"), [("POST", "projects"), ("DELETE", "session"), ("PATCH", "projects/x")])
async def test_changes_that_another_site_made_the_browser_send_are_refused(
    page: Page, origin: str, method: str, path: str
) -> None:
    await page.log_in()
    answer = await page(method, path, {"name": "Fan"}, Origin=origin)
    assert (answer.status, answer.code) == (403, "cross_site")
    assert (await page("GET", "session", Origin=origin)).status == 200


async def test_another_site_cannot_log_the_browser_in(page: Page) -> None:
    assert (await page.log_in(Origin="https://evil.example")).code == "cross_site"


async def test_a_token_needs_no_origin_and_goes_before_the_cookie(page: Page, api: Api) -> None:
    await page.log_in(READ_TOKEN)
    made = await page("POST", "projects", {"name": "Fan"}, Authorization=f"Bearer {ADMIN_TOKEN}", Origin="")
    assert made.status == 201


async def test_a_proxys_own_authorization_does_not_hide_the_cookie(page: Page) -> None:
    await page.log_in()
    assert (await page("GET", "session", Authorization="Basic YTpi")).status == 200


async def test_behind_a_trusted_proxy_the_cookie_is_secure_and_the_address_the_callers(
    page: Page, parts: Parts
) -> None:
    parts.control.proxies = (IPv4Network("127.0.0.0/8"),)
    outside = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "printers.example",
        "X-Forwarded-For": "203.0.113.9, 192.0.2.77",
        "Origin": "https://printers.example",
    }
    answer = await page.log_in(**outside)
    assert cookie_of(answer)["vprinter_session"]["secure"] is True
    assert (await page("POST", "projects", {"name": "Fan"}, **outside)).status == 201
    plain = outside | {"Origin": "http://printers.example"}
    assert (await page("POST", "projects", {"name": "Fan"}, **plain)).code == "cross_site"
    for _ in range(5):
        await page.log_in("wrong", **outside)
    assert (await page.log_in(**outside)).code == "too_many_failures"
    elsewhere = outside | {"X-Forwarded-For": "192.0.2.78"}
    assert (await page.log_in(**elsewhere)).status == 201


async def test_the_word_of_a_proxy_that_is_not_trusted_counts_for_nothing(page: Page) -> None:
    answer = await page.log_in(**{"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"})
    assert cookie_of(answer)["vprinter_session"]["secure"] == ""
    lie = {"X-Forwarded-Host": "evil.example", "Origin": "http://evil.example"}
    assert (await page("POST", "projects", {"name": "Fan"}, **lie)).code == "cross_site"


async def test_https_that_an_unknown_proxy_ends_is_no_other_site(page: Page) -> None:
    await page.log_in()
    hidden = {"Host": "printers.example", "Origin": "https://printers.example"}
    assert (await page("POST", "projects", {"name": "Fan"}, **hidden)).status == 201


async def test_a_token_that_ends_takes_its_session_along(page: Page, api: Api, parts: Parts) -> None:
    ends = (parts.clock() + timedelta(hours=1)).isoformat()
    made = await api.post("tokens", {"name": "Guest", "scopes": ["read"], "expires_at": ends})
    await page.log_in(made["token"])
    parts.clock.forward(3600)
    assert (await page("GET", "session")).code == "session_ended"


async def test_a_token_for_one_printer_opens_no_page(page: Page, parts: Parts) -> None:
    async with parts.database.write() as session:
        await tokens.add(session, parts.clock, "Orca", [Scope.FILES], "a token for uploads", printer_id="p")
    assert (await page.log_in("a token for uploads")).code == "bound_token"
