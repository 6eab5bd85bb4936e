"""The HTTP API as the commands see it: paths and JSON in, JSON out, refusals as failures that say what to do."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)
from uuid import uuid4

from vprinter_cli.exits import Exit, Failure
from vprinter_cli.server import Server

_MAX_ANSWER = 64 * 1024 * 1024
_PAGE = 200
_CODES = {401: Exit.NOT_ALLOWED, 403: Exit.NOT_ALLOWED, 404: Exit.NOT_FOUND}


class Api:
    """The API of one server."""

    def __init__(self, server: Server, timeout: float = 60.0) -> None:
        self._server = server
        self._timeout = timeout
        # Neither proxies nor redirects: the token goes to the server that was named and nowhere else.
        self._opener = OpenerDirector()
        for handler in (HTTPHandler(), HTTPSHandler(), HTTPErrorProcessor(), HTTPDefaultErrorHandler()):
            self._opener.add_handler(handler)

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET; parameters that are None are left out."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer to a POST."""
        return self.call("POST", path, body if body is not None else {})

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, Any] | None = None
    ) -> Any:
        """The JSON answer, or the text of another kind of answer; None if there is none."""
        with self.open(method, path, body, query) as response:
            content = response.read(_MAX_ANSWER)
            kind = response.headers.get_content_type()
        if not content:
            return None
        return json.loads(content) if kind.endswith("json") else content.decode("utf-8", "replace")

    def every(self, path: str, most: int | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page, `most` of them at most."""
        left, cursor = most, None
        while left is None or left > 0:
            limit = _PAGE if left is None else min(left, _PAGE)
            page = self.get(path, **query, limit=limit, cursor=cursor)
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            cursor = page["next"]
            if cursor is None:
                return

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Iterator[HTTPResponse]:
        """The answer as a stream, for files."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self._server.url}/api/v1/{quote(path)}" + (f"?{urlencode(given, doseq=True)}" if given else "")
        headers = {"Accept": "application/json, */*"}
        if self._server.token is not None:
            headers["Authorization"] = f"Bearer {self._server.token}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
        request = Request(url, data=data, headers=headers, method=method)  # noqa: S310 - `Server` took http and https only
        try:
            with cast("HTTPResponse", self._opener.open(request, timeout=self._timeout)) as response:
                yield response
        except HTTPError as error:
            with error:
                raise _refusal(error, has_token=self._server.token is not None) from None
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise Failure(
                f"{self._server.url} does not answer: {reason}\n"
                "  Is it running there? Name another server with --url or VPRINTER_URL.",
                Exit.UNREACHABLE,
            ) from None


def _refusal(error: HTTPError, *, has_token: bool) -> Failure:
    code = _CODES.get(error.code, Exit.FAILED)
    if error.code == 401 and not has_token:
        return Failure(
            "the server wants a token: put one into VPRINTER_TOKEN, or into a file and name it with --token-file", code
        )
    try:
        problem = json.loads(error.read(_MAX_ANSWER))
        lines = [str(problem["detail"])]
        if problem.get("field"):
            lines[0] = f"{problem['field']}: {lines[0]}"
        if problem.get("hint"):
            lines.append(f"  {problem['hint']}")
    except (ValueError, KeyError, TypeError, OSError):  # not ours: a reverse proxy's page, say
        lines = [f"the server answered {error.code} {error.reason}"]
    return Failure("\n".join(lines), code)
