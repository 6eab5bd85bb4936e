"""The documentation page: the OpenAPI document as one plain HTML page. No script; the style is a file beside this one."""

from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from aiohttp import web

from vprinter_control.api.shield import CONTENT_SECURITY_POLICY

PATH = "/api/docs"
STYLE = "/api/docs.css"
_SCHEMAS = "#/components/schemas/"


def add_docs(app: web.Application, document: Mapping[str, Any]) -> None:
    """Serve the page and its style."""
    html = "".join(_page(document))
    css = Path(__file__).with_name("docs.css").read_text(encoding="utf-8")

    async def page(_request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def style(_request: web.Request) -> web.Response:
        return web.Response(text=css, content_type="text/css", headers={"Cache-Control": "no-cache"})

    app.router.add_get(PATH, page)
    app.router.add_get(STYLE, style)


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    operations = [
        (operation["tags"][0], path, method.upper(), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    sections = [(tag, list(group)) for tag, group in groupby(sorted(operations, key=_order), key=lambda one: one[0])]
    schemas = document["components"]["schemas"]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Virtual Printer: the HTTP API</title>'
    yield f'<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{STYLE}"></head><body>'
    yield f"<header><h1>The HTTP API</h1><p>Virtual Printer {escape(info['version'])} · "
    yield '<a href="/api/v1/openapi.json">OpenAPI 3.1 document</a> · <a href="/">page</a></p></header><nav><ul>'
    yield from (f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>' for tag, _ in sections)
    yield '<li><a href="#schemas">schemas</a></li></ul></nav><main>'
    yield f"<p>{_prose(info['description'])} Send <code>Authorization: Bearer &lt;token&gt;</code>.</p>"
    for tag, group in sections:
        yield f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>'
        for _, path, method, operation in group:
            yield from _operation(path, method, operation)
        yield "</section>"
    yield '<section id="schemas"><h2>schemas</h2>'
    for name, schema in sorted(schemas.items()):
        yield from _schema(name, schema)
    yield "</section></main></body></html>"


def _order(one: tuple[str, str, str, Any]) -> tuple[str, str, int]:
    tag, path, method, _ = one
    return tag, path, ("GET", "POST", "PATCH", "DELETE").index(method)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    identity = escape(operation["operationId"])
    yield f'<details id="{identity}"><summary><b class="{method.lower()}">{method}</b> <code>{escape(path)}</code> '
    yield f"<span>{escape(operation['summary'])}</span></summary>"
    needs = operation["security"]
    scope = f"a token with the scope <code>{escape(needs[0]['token'][0])}</code>" if needs else "nothing: it is public"
    yield f"<p>Needs {scope}.</p>"
    if parameters := operation["parameters"]:
        yield "<h3>Parameters</h3><table>"
        for one in parameters:
            place = f"{one['in']}{', required' if one['required'] else ''}"
            yield _row(one["name"], _type(one["schema"]), place, one.get("description", ""))
        yield "</table>"
    if body := operation.get("requestBody"):
        optional = "" if body["required"] else " (may be left out)"
        types = ", ".join(_type(content["schema"]) for content in body["content"].values())
        yield f"<h3>Body</h3><p>{types}{optional}</p>"
    yield "<h3>Answers</h3><table>"
    for status, answer in operation["responses"].items():
        contents = answer.get("content", {}).items()
        shown = "; ".join(f"{_type(content['schema'])} as <code>{escape(kind)}</code>" for kind, content in contents)
        problem = "problem+json" in shown
        yield f"<tr><td><code>{status}</code><td>{_prose(answer['description'])}<td>{'a problem' if problem else shown}"
    yield "</table></details>"


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code> '
    yield f"<span>{_prose(schema.get('description', '')).split('<br>')[0]}</span></summary>"
    if properties := schema.get("properties"):
        required = schema.get("required", ())
        yield "<table>"
        for field, one in properties.items():
            yield _row(field, _type(one), "required" if field in required else "", one.get("description", ""))
        yield "</table>"
    else:
        yield f"<p>{_type(schema)}</p>"
    yield "</details>"


def _row(name: str, type_: str, place: str, description: str) -> str:
    return f"<tr><td><code>{escape(name)}</code><td>{type_}<td>{escape(place)}<td>{_prose(description)}"


def _type(schema: Any) -> str:
    """A schema in a few words; those with a name are links."""
    match schema:
        case {"$ref": str(reference)}:
            name = escape(reference.removeprefix(_SCHEMAS))
            words = f'<a href="#schema-{name}">{name}</a>'
        case {"anyOf": choices}:
            words = " or ".join(map(_type, choices))
        case {"allOf": [first, *_]}:
            words = _type(first)
        case {"enum": values} | {"const": values}:
            choices = values if isinstance(values, list) else [values]
            words = " | ".join(f"<code>{escape(str(value))}</code>" for value in choices)
        case {"type": "array", "items": items}:
            words = f"list of {_type(items)}"
        case {"type": str(kind)}:
            limits = (f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema)
            words = ", ".join(map(escape, (kind, *limits)))
        case _:
            words = "anything"
    return words


_LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "maxLength": "length at most",
    "pattern": "like",
    "format": "format",
    "default": "default",
}


def _prose(text: str) -> str:
    """Text with `code` in it."""
    parts = escape(text).replace("\n\n", "<br>").split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
