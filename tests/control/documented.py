"""Whether an answer of the API is one that its OpenAPI document speaks of."""

import re
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from vprinter_control.api.app import ROUTES
from vprinter_control.api.openapi import document

_ROOT = "/api/v1/"


def check(method: str, path: str, status: int, content_type: str, body: Any) -> None:
    """Fail if the document does not foresee this answer, and say how to put that right."""
    found = _operation(method, _ROOT + path.partition("?")[0])
    if found is None:
        return  # no such path, or no such method: every path may be answered with 404 and 405
    where, operation = found
    answer = operation["responses"].get(str(status))
    code = body.get("code") if isinstance(body, dict) else None
    hint = "add it to `problems` or `empty` of the Route, or to api/answers.py"
    assert answer is not None, f"{where} answers {status} {code}, which is not documented: {hint}"
    content = answer.get("content", {})
    media_type = content_type.partition(";")[0]
    assert not content or media_type in content, f"{where} answers {media_type}, which is not documented"
    if "json" not in media_type or media_type not in content:
        return
    if "problem" in media_type:
        codes = content[media_type]["schema"]["allOf"][1]["properties"]["code"]["enum"]
        assert code in codes, f"{where} answers {status} with the code {code}, which is not documented: {hint}"
    schema = {**content[media_type]["schema"], "components": _document()["components"]}
    errors = [
        f"{list(error.instance_path)}: {error.message}" for error in Draft202012Validator(schema).iter_errors(body)
    ]
    assert not errors, f"{where} answers what its schema does not allow: {errors}"


@cache
def _document() -> dict[str, Any]:
    return document(ROUTES, "test")


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    found = []
    for path, operations in _document()["paths"].items():
        pattern = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
        for parameter in next(iter(operations.values()))["parameters"]:
            if parameter["in"] == "path":
                pattern = pattern.replace(f"{{{parameter['name']}}}", parameter["schema"]["pattern"].strip("^$"))
        found.append((re.compile(pattern), path))
    # As the router does: what is spelt out comes before what is matched.
    return sorted(found, key=lambda entry: "{" in entry[1])


def _operation(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    for pattern, template in _patterns():
        operation = _document()["paths"][template].get(method.lower())
        if pattern.fullmatch(path) and operation is not None:
            return f"{method} {template}", operation
    return None
