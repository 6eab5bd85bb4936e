"""The OpenAPI document, made from the routes."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vprinter_control.api.answers import problems, takes_key
from vprinter_control.api.auth import COOKIE
from vprinter_control.api.conditional import Item
from vprinter_control.api.once import HEADER, MAX_KEY, REPLAYED
from vprinter_control.api.problems import MEDIA_TYPE, Problem
from vprinter_control.api.routing import PARAMETERS, PREFIX, Access, Route, looked_at

_REF = "#/components/schemas/{model}"
_ABOUT = """Lists answer `{"items": […], "next": cursor or null}`. Errors are problem documents (RFC 9457) with a stable
`code`. `POST` honours `Idempotency-Key`. What is sent with an `ETag` is changed and deleted with `If-Match` only if nobody
changed it meanwhile."""


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    routes = list(routes)
    answers = {route.answer for route in routes if route.answer} | {Problem}
    bodies = {route.body for route in routes if route.body}
    wanted: list[tuple[type[BaseModel], Any]] = [(model, "serialization") for model in sorted(answers, key=_name)]
    wanted += [(model, "validation") for model in sorted(bodies, key=_name)]
    references, definitions = models_json_schema(wanted, ref_template=_REF)
    schemas = definitions.get("$defs", {})
    for route in routes:
        if route.method == "PATCH" and route.body is not None:
            _without_defaults(schemas[route.body.__name__])
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        answer = references[route.answer, "serialization"] if route.answer else None
        body = references[route.body, "validation"] if route.body else None
        problem = references[Problem, "serialization"]
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = {
            "summary": route.summary,
            "operationId": operation_id(route),
            "tags": [tag(route)],
            "parameters": _parameters(route, routes),
            **_request(route, body),
            "responses": {**_good(route, answer), **_bad(route, routes, problem)},
            "security": [] if route.needs is Access.PUBLIC else [{"token": [route.needs.value]}, {"session": []}],
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Virtual Printer", "version": version, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def tag(route: Route) -> str:
    """What a route is about: the first part of its path."""
    return route.path.split("/")[1].removesuffix(".pem")


def operation_id(route: Route) -> str:
    """A name that no other route has."""
    words = "_".join("one" if part.startswith("{") else part for part in route.path.strip("/").split("/"))
    return f"{route.method.lower()}_{words.replace('-', '_').replace('.', '_')}"


def _good(route: Route, answer: Any) -> dict[str, Any]:
    status = route.status
    if answer is None and route.media_type == "application/json":
        status = HTTPStatus.NO_CONTENT
    good: dict[str, Any] = {"description": status.phrase}
    if status is not HTTPStatus.NO_CONTENT:
        types = (route.media_type, *route.other_media_types)
        schema: Any = answer or {"type": "string", **({} if _is_text(route) else {"format": "binary"})}
        good["content"] = {type_: {"schema": schema} for type_ in types}
    if headers := _headers(route):
        good["headers"] = headers
    answers = {str(status.value): good}
    for other in route.empty:
        content = {"content": good["content"]} if other is HTTPStatus.PARTIAL_CONTENT else {}
        answers[str(other.value)] = {"description": other.phrase, **content}
    return answers


def _headers(route: Route) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if route.answer is not None and issubclass(route.answer, Item):
        headers["ETag"] = {"description": "For `If-Match`.", "schema": {"type": "string"}}
    if takes_key(route):
        headers[REPLAYED] = {
            "description": "The request was carried out before; this is what was answered then.",
            "schema": {"const": "true"},
        }
    return headers


def _bad(route: Route, routes: Sequence[Route], problem: Any) -> dict[str, Any]:
    return {
        str(status.value): {
            "description": f"{status.phrase}: {', '.join(f'`{code}`' for code in codes)}",
            "content": {MEDIA_TYPE: {"schema": {"allOf": [problem, {"properties": {"code": {"enum": codes}}}]}}},
        }
        for status, codes in problems(route, routes).items()
    }


def _request(route: Route, body: Any) -> dict[str, Any]:
    if not body:
        return {}
    content = {"application/json": {"schema": body}}
    return {"requestBody": {"required": not route.body_optional, "content": content}}


def _parameters(route: Route, routes: Sequence[Route]) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{PARAMETERS.get(name, '.+')}$"},
        }
        for name in names
    ]
    schema = route.query.model_json_schema()
    for name, field in _inlined(schema.get("properties", {}), schema.get("$defs", {})).items():
        found.append(_parameter(name, "query", field, required=name in schema.get("required", ())))
    if takes_key(route):
        key = {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[ -~]+$"}
        found.append(
            _parameter(HEADER, "header", {**key, "description": "Carried out once, however often it is sent."})
        )
    if looked_at(route, routes) is not None:
        tag = {"type": "string", "description": "The ETag of what the change is meant for, or `*`."}
        found.append(_parameter("If-Match", "header", tag))
    return found


def _parameter(name: str, place: str, field: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    field = _without_null(field)
    description = field.pop("description", None)
    parameter = {"name": name, "in": place, "required": required, "schema": field}
    return {**parameter, "description": description} if description else parameter


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """A parameter is left out, not null."""
    others = [choice for choice in field.get("anyOf", ()) if choice != {"type": "null"}]
    plain = {name: value for name, value in field.items() if name != "title" and (name, value) != ("default", None)}
    if len(others) == 1:
        del plain["anyOf"]
        return {**others[0], **plain}
    return plain


def _without_defaults(schema: dict[str, Any]) -> None:
    """What a PATCH leaves out stays as it is."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


def _inlined(field: Any, definitions: dict[str, Any]) -> Any:
    """A schema that stands where it is used, and not among those of bodies."""
    match field:
        case {"$ref": str(reference), **others}:
            return {**_inlined(definitions[reference.rpartition("/")[2]], definitions), **others}
        case dict():
            return {name: _inlined(part, definitions) for name, part in field.items()}
        case list():
            return [_inlined(part, definitions) for part in field]
    return field


def _is_text(route: Route) -> bool:
    return route.media_type.startswith("text/") or route.media_type == "application/x-pem-file"


def _name(model: type[BaseModel]) -> str:
    return model.__name__
