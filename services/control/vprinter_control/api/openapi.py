"""The OpenAPI document, made from the routes."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vprinter_control.api.problems import MEDIA_TYPE, Problem
from vprinter_control.api.routing import PREFIX, Access, Route

_REF = "#/components/schemas/{model}"


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    routes = list(routes)
    answers = {route.answer for route in routes if route.answer} | {Problem}
    bodies = {route.body for route in routes if route.body}
    wanted: list[tuple[type[BaseModel], Any]] = [(model, "serialization") for model in sorted(answers, key=_name)]
    wanted += [(model, "validation") for model in sorted(bodies, key=_name)]
    references, definitions = models_json_schema(wanted, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        answer = references[route.answer, "serialization"] if route.answer else None
        body = references[route.body, "validation"] if route.body else None
        problem = references[Problem, "serialization"]
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route, answer, body, problem)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Virtual Printer", "version": version},
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, answer: Any, body: Any, problem: Any) -> dict[str, Any]:
    status = route.status
    if answer is None and route.media_type == "application/json":
        status = HTTPStatus.NO_CONTENT
    good: dict[str, Any] = {"description": status.phrase}
    if status is not HTTPStatus.NO_CONTENT:
        good["content"] = {route.media_type: {"schema": answer} if answer else {}}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _operation_id(route),
        "tags": [route.path.split("/")[1].removesuffix(".pem")],
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {
            str(status.value): good,
            "default": {"description": "Refused", "content": {MEDIA_TYPE: {"schema": problem}}},
        },
        "security": [] if route.needs is Access.PUBLIC else [{"token": []}],
    }
    if body:
        operation["requestBody"] = {
            "required": not route.body_optional,
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = route.query.model_json_schema()
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]


def _operation_id(route: Route) -> str:
    words = (
        route.path.strip("/")
        .replace("{id}", "one")
        .replace("{plate}", "one")
        .replace("/", "_")
        .replace("-", "_")
        .replace(".", "_")
    )
    return f"{route.method.lower()}_{words}"


def _name(model: type[BaseModel]) -> str:
    return model.__name__
