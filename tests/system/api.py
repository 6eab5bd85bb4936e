"""A client of the HTTP API, plain enough to be no part of what is tested."""

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT = 20.0


class ApiError(Exception):
    """The API refused; `problem` is the problem document."""

    def __init__(self, status: int, problem: Any) -> None:
        self.status = status
        self.problem = problem
        super().__init__(f"{status}: {problem}")

    @property
    def code(self) -> str:
        """The stable code of the problem."""
        return str(self.problem.get("code")) if isinstance(self.problem, dict) else ""


@dataclass(frozen=True, slots=True)
class Api:
    """The API at `url` (without /api/v1), with one token."""

    url: str
    token: str | None

    def get(self, path: str, **query: Any) -> Any:
        """GET; the JSON of the answer."""
        return json.loads(self.raw("GET", _with(path, query)) or b"null")

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found

    def post(self, path: str, body: Any = None) -> Any:
        """POST; the JSON of the answer."""
        return json.loads(self.raw("POST", path, body) or b"null")

    def patch(self, path: str, body: Any) -> Any:
        """PATCH; the JSON of the answer."""
        return json.loads(self.raw("PATCH", path, body) or b"null")

    def delete(self, path: str) -> None:
        """DELETE."""
        self.raw("DELETE", path)

    def raw(self, method: str, path: str, body: Any = None) -> bytes:
        """Any request; the bytes of the answer, or ApiError."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            raise ApiError(error.code, _problem(text)) from None


def _with(path: str, query: dict[str, Any]) -> str:
    return f"{path}?{urllib.parse.urlencode(query)}" if query else path


def _problem(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")
