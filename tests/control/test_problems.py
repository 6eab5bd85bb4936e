"""Errors are problem documents, and tokens are asked for."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.control.harness import ADMIN_TOKEN, READ_TOKEN, Api, Parts
from vprinter_control.api.answers import problems
from vprinter_control.api.app import ROUTES


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (("GET", "nothing", None), 404, "not_found"),
        (("GET", "archive/nothing", None), 404, "not_found"),
        (("GET", "archive/a.b", None), 404, "not_found"),
        (("PUT", "archive", None), 405, "method_not_allowed"),
        (("POST", "projects", None), 400, "not_json"),
        (("POST", "projects", []), 422, "invalid"),
        (("POST", "projects", {"name": "x", "nmae": "y"}), 422, "invalid"),
        (("POST", "projects", {"name": "x" * (1024 * 1024)}), 413, "body_too_large"),
        (("GET", "archive?limit=0", None), 422, "invalid"),
        (("GET", "archive?limit=501", None), 422, "invalid"),
        (("GET", "archive?cursor=%21", None), 422, "invalid_cursor"),
        (("GET", "archive?sha256=abc", None), 422, "invalid"),
        (("GET", "archive?sort=weight", None), 422, "invalid"),
    ],
)
async def test_every_error_is_a_problem_document(
    api: Api, request_: tuple[str, str, Any], status: int, code: str
) -> None:
    answer = await api(*request_)
    assert (answer.status, answer.code) == (status, code)
    assert answer.body["title"]
    assert answer.body["detail"]
    assert answer.body["type"] == f"urn:vprinter:problem:{code}"


async def test_bytes_that_are_no_json_are_said_to_be(api: Api) -> None:
    for content in (b"\xff\xfe", b"{", b"[" * 100_000):
        answer = await api("POST", "projects", data=content)
        assert (answer.status, answer.code) == (400, "not_json")


async def test_an_unexpected_error_is_a_problem_document_too(
    api: Api, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(type(parts.control.trust), "existing", lambda _self: fail())
    answer = await api("GET", "certificate-authority")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "secret" not in str(answer.body)


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer "])
async def test_without_a_token_nothing_is_shown(api: Api, header: str) -> None:
    answer = await Api(api.client, None)("GET", "archive", headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "no_token")
    assert "Bearer" in answer.headers["WWW-Authenticate"]


async def test_what_anyone_may_see(api: Api) -> None:
    anyone = Api(api.client, None)
    assert (await anyone("GET", "openapi.json")).status == 200
    assert (await anyone("GET", "certificate-authority.pem")).status == 200
    async with api.client.get("/") as page:
        assert "/api/docs" in await page.text()


async def test_the_documentation_is_one_plain_page(api: Api) -> None:
    async with api.client.get("/api/docs") as page, api.client.get("/api/docs.css") as style:
        text = await page.text()
        assert (page.status, style.status) == (200, 200)
        assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|//", text)
    document = await api.get("openapi.json")
    for schema in document["components"]["schemas"]:
        assert f'id="schema-{schema}"' in text
    for operations in document["paths"].values():
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in text


async def test_a_reader_looks_and_changes_nothing(api: Api) -> None:
    reader = Api(api.client, READ_TOKEN)
    assert await reader.items("archive") == []
    for method, path, body in (
        ("POST", "projects", {"name": "x"}),
        ("DELETE", "projects/x", None),
        ("GET", "tokens", None),
        ("POST", "tokens", {"name": "x", "scopes": ["admin"]}),
    ):
        answer = await reader(method, path, body)
        assert (answer.status, answer.code) == (403, "missing_scope")


async def test_guessing_tokens_is_braked(api: Api, parts: Parts) -> None:
    for _ in range(5):
        assert (await Api(api.client, "wrong")("GET", "archive")).code == "wrong_token"
    braked = await api("GET", "archive")
    assert (braked.status, braked.code) == (429, "too_many_failures")
    assert int(braked.headers["Retry-After"]) > 0
    parts.clock.forward(61)
    assert (await api("GET", "archive")).status == 200


async def test_tokens_are_shown_once_and_hashed(api: Api, parts: Parts) -> None:
    made = await api.post("tokens", {"name": "Printer room", "scopes": ["read"]})
    assert await Api(api.client, made["token"]).items("archive") == []
    listed = await api.items("tokens")
    assert [token["name"] for token in listed] == ["admin", "reader", "Printer room"]
    assert made["token"] not in str(listed)
    await api.delete(f"tokens/{made['id']}")
    assert (await Api(api.client, made["token"])("GET", "archive")).status == 401


async def test_the_last_admin_token_stays(api: Api) -> None:
    admin, _ = await api.items("tokens")
    answer = await api("DELETE", f"tokens/{admin['id']}")
    assert (answer.status, answer.code) == (409, "last_admin_token")
    assert await Api(api.client, ADMIN_TOKEN).items("tokens")


async def test_openapi_names_every_route(api: Api) -> None:
    document = (await api("GET", "openapi.json")).body
    assert document["openapi"] == "3.1.0"
    create = document["paths"]["/api/v1/virtual-printers"]["post"]
    assert create["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/PrinterBody")
    assert {"201", "400", "401", "403", "409", "413", "422", "500"} <= set(create["responses"])
    assert document["paths"]["/api/v1/certificate-authority.pem"]["get"]["security"] == []
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_every_code_that_is_documented_is_shown_by_a_test() -> None:
    documented = {code for route in ROUTES for codes in problems(route, ROUTES).values() for code in codes}
    tests = "".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert {code for code in documented if f'"{code}"' not in tests} == set()


async def test_requests_are_counted_by_route(api: Api, parts: Parts) -> None:
    await api("GET", "archive/one")
    await api("GET", "archive/two")
    (family,) = parts.control.metrics.requests.collect()
    counted = {tuple(sample.labels.values()): sample.value for sample in family.samples if "_total" in sample.name}
    (route,) = [labels for labels in counted if "archive" in labels[0]]
    assert route[1:] == ("GET", "404")
    assert counted[route] == 2
