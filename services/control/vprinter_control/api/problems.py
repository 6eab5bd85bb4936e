"""Problem documents (RFC 9457)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import SQLAlchemyError

from vprinter_control.domain.refusal import Conflict, Invalid, NotThere, Refused, Unable

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str
    detail: str


class Problem(BaseModel):
    """Why a request was refused. `code` is stable, the sentences are for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    hint: str | None = None
    errors: tuple[FieldProblem, ...] = ()


class ProblemError(Exception):
    """Answer with this problem."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        hint: str | None = None,
        errors: Iterable[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = headers or {}
        self.problem = Problem(
            type=f"urn:vprinter:problem:{code}",
            title=status.phrase,
            status=status.value,
            code=code,
            detail=detail,
            field=field,
            hint=hint,
            errors=tuple(errors),
        )

    def response(self) -> web.Response:
        """The HTTP answer."""
        body = self.problem.model_dump_json(exclude_none=True).encode()
        return web.Response(status=self.problem.status, body=body, headers={**self.headers, "Content-Type": MEDIA_TYPE})


_STATUS: Mapping[type[Refused], HTTPStatus] = {
    NotThere: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "not_json"}
_HTTP_SENTENCES = {
    404: "there is nothing at this path",
    405: "this path does not know the method",
    413: "the body is larger than 1 MiB",
}
# Validators raise these types themselves; every other type is a plain `invalid`.
_OWN_TYPES = frozenset({"unknown_model", "invalid_cursor"})


def from_refusal(refusal: Refused) -> ProblemError:
    """The problem of a refusal by the domain."""
    return ProblemError(_STATUS[type(refusal)], refusal.code, refusal.detail, field=refusal.field, hint=refusal.hint)


def from_validation(error: ValidationError) -> ProblemError:
    """The problem of a body or query that does not fit; its first field leads."""
    details = error.errors(include_input=False, include_url=False)
    first = details[0]
    code = first["type"] if first["type"] in _OWN_TYPES else "invalid"
    hint = first.get("ctx", {}).get("hint")
    fields = [FieldProblem(field=_field(one), detail=_sentence(one)) for one in details[:20]]
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        code,
        _sentence(first),
        field=fields[0].field,
        hint=str(hint) if hint else None,
        errors=fields,
    )


def from_http(error: web.HTTPException) -> ProblemError:
    """The problem of an answer that aiohttp itself gives."""
    headers = {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}
    return ProblemError(
        HTTPStatus(error.status),
        _HTTP_CODES.get(error.status, "http_error"),
        _HTTP_SENTENCES.get(error.status, error.text or error.reason),
        headers=headers,
    )


@web.middleware
async def problem_documents(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem document."""
    try:
        return await handler(request)
    except ProblemError as error:
        return error.response()
    except Refused as refusal:
        return from_refusal(refusal).response()
    except web.HTTPException as error:
        return from_http(error).response()
    except ConnectionResetError:  # the client left, or left its answer unread: there is nobody to tell
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=HTTPStatus.REQUEST_TIMEOUT)
    except Exception as error:  # the caller gets an answer whatever happened; the cause is logged
        log.exception("request_failed", method=request.method, path=request.path)
        return _internal(error).response()


def _internal(error: Exception) -> ProblemError:
    detail, hint = f"unexpected {type(error).__name__}", "see control's log"
    if isinstance(error, SQLAlchemyError):
        detail, hint = f"the database failed: {type(error).__name__}", "see control's log; try again"
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail, hint=hint)


def _field(one: ErrorDetails) -> str:
    return ".".join(str(part) for part in one["loc"])


def _sentence(one: ErrorDetails) -> str:
    sentence = str(one["msg"]).removeprefix("Value error, ")

    return f"unknown field {str(one['loc'][-1])[:100]!r}" if one["type"] == "extra_forbidden" else sentence
