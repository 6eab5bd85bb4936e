"""The page as files: what is sent, for how long it may be kept, and what it may do."""

import gzip
import re

from tests.control.harness import Api
from vprinter_control.api import page


async def _document(api: Api) -> tuple[str, str]:
    async with api.client.get("/") as answer:
        text = await answer.text()
    (version,) = set(re.findall(r"/static/([0-9a-f]+)/", text))
    return text, f"/static/{version}"


async def test_every_place_of_the_page_is_the_same_document_and_says_when_it_is_unchanged(api: Api) -> None:
    text, _ = await _document(api)
    for path in ("/printers", "/archive/0123abc", "/set-up", "/settings/audit"):
        async with api.client.get(path) as answer:
            assert await answer.text() == text
            assert answer.headers["Cache-Control"] == "no-cache"
            tag = answer.headers["ETag"]
        async with api.client.get(path, headers={"If-None-Match": tag}) as again:
            assert again.status == 304
            assert await again.read() == b""


async def test_files_lie_below_a_path_of_their_version_and_are_kept_for_ever(api: Api) -> None:
    text, static = await _document(api)
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', text)
    assert f"{static}/main.js" in named
    for path in named:
        async with api.client.get(path) as answer:
            assert answer.status == 200, path
            assert "immutable" in answer.headers["Cache-Control"]
    async with api.client.get("/static/0123456789abcdef/main.js") as other_version:
        assert other_version.status == 404


async def test_modules_that_the_page_imports_are_all_named_in_the_document(api: Api) -> None:
    text, static = await _document(api)
    for path in page.WEB.rglob("*.js"):
        module = path.relative_to(page.WEB)
        assert (f'"{static}/{module}"' in text) == (str(module) != "port-check.js")
        for name in re.findall(r'^(?:import|export) [^;]*from "(\.[^"]+)"', path.read_text(), re.MULTILINE):
            assert (path.parent / name).resolve().is_file(), f"{module} imports {name}"


async def test_a_browser_that_takes_gzip_gets_it(api: Api) -> None:
    _, static = await _document(api)
    client = api.client
    async with client.get(f"{static}/main.js", headers={"Accept-Encoding": "identity"}) as plain:
        assert "Content-Encoding" not in plain.headers
        source = await plain.read()
    url = client.make_url(f"{static}/main.js")
    async with client.session.get(url, headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await packed.read()) == source


async def test_nothing_outside_the_page_is_served(api: Api) -> None:
    _, static = await _document(api)
    for path in (f"{static}/../api/page.py", f"{static}/vendor/preact.d.ts", f"{static}/nothing.js", "/nowhere"):
        async with api.client.get(path) as answer:
            assert answer.status == 404, path
            assert answer.content_type == "application/problem+json"


async def test_the_policy_forbids_inline_code_and_strangers(api: Api) -> None:
    async with api.client.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|onclick=|https?://", text)


async def test_the_port_check_may_ask_printers_and_do_nothing_else(api: Api) -> None:
    async with api.client.get("/port-check") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
