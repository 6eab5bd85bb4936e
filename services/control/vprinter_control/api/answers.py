"""Which problems a route may answer with: those that follow from what it is, and those that only it knows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus

from vprinter_control.api.paging import Part
from vprinter_control.api.routing import Access, Route, looked_at

Problem = tuple[HTTPStatus, str]

_EVERY: tuple[Problem, ...] = (
    (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"),  # an unknown parameter is enough
    (HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error"),
)
_WITH_TOKEN: tuple[Problem, ...] = (
    (HTTPStatus.UNAUTHORIZED, "no_token"),
    (HTTPStatus.UNAUTHORIZED, "wrong_token"),
    (HTTPStatus.UNAUTHORIZED, "session_ended"),
    (HTTPStatus.FORBIDDEN, "missing_scope"),
    (HTTPStatus.FORBIDDEN, "bound_token"),
    (HTTPStatus.TOO_MANY_REQUESTS, "too_many_failures"),
)
_CHANGING: tuple[Problem, ...] = ((HTTPStatus.FORBIDDEN, "cross_site"),)
_POSTING: tuple[Problem, ...] = (
    (HTTPStatus.CONFLICT, "idempotency_key_reused"),
    (HTTPStatus.CONFLICT, "idempotency_key_in_use"),
    (HTTPStatus.CONFLICT, "idempotency_answer_lost"),
)
_WITH_BODY: tuple[Problem, ...] = (
    (HTTPStatus.BAD_REQUEST, "not_json"),
    (HTTPStatus.REQUEST_TIMEOUT, "body_too_slow"),
    (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large"),
)
_WITH_ID: tuple[Problem, ...] = ((HTTPStatus.NOT_FOUND, "not_found"),)
_IN_PARTS: tuple[Problem, ...] = ((HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_cursor"),)
_CONDITIONAL: tuple[Problem, ...] = ((HTTPStatus.PRECONDITION_FAILED, "changed_meanwhile"),)


def problems(route: Route, routes: Iterable[Route]) -> Mapping[HTTPStatus, list[str]]:
    """The codes of the problems that a route may answer with, by status."""
    found: defaultdict[HTTPStatus, list[str]] = defaultdict(list)
    for status, code in (*_general(route, routes), *route.problems):
        if code not in found[status]:
            found[status].append(code)
    return dict(sorted(found.items()))


def takes_key(route: Route) -> bool:
    """Whether `Idempotency-Key` is honoured: there must be somebody whose key it is."""
    return route.method == "POST" and route.needs is not Access.PUBLIC


def _general(route: Route, routes: Iterable[Route]) -> Iterator[Problem]:
    yield from _EVERY
    if route.needs is not Access.PUBLIC:
        yield from _WITH_TOKEN
        if route.method != "GET":
            yield from _CHANGING
    if takes_key(route):
        yield from _POSTING
    if route.body is not None:
        yield from _WITH_BODY
    if "{" in route.path:
        yield from _WITH_ID
    if issubclass(route.query, Part):
        yield from _IN_PARTS
    if looked_at(route, routes) is not None:
        yield from _CONDITIONAL
