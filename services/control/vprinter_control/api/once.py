"""`Idempotency-Key`: a POST that is sent again is not carried out again, but answered as it was."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus

from aiohttp import web

from vprinter_control.api.context import Control
from vprinter_control.api.problems import ProblemError
from vprinter_control.store import once as store
from vprinter_control.store.once import Claim, claiming
from vprinter_control.store.schema import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 200
MAX_ANSWER = 256 * 1024
"""Bytes of an answer that is kept."""
_KEPT_HEADERS = ("Content-Type", "ETag", "Location")


class Once:
    """Carries out requests with a key once."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._under_way: set[tuple[str, str]] = set()

    async def answer(
        self,
        request: web.Request,
        caller: str,
        content: bytes,
        carry_out: Callable[[], Awaitable[web.StreamResponse]],
        *,
        secret: bool,
    ) -> web.StreamResponse:
        """The answer to a request, which is carried out unless its key was seen. A `secret` answer is not kept."""
        key = request.headers.get(HEADER)
        if key is None:
            return await carry_out()
        now = self._control.clock()
        claim = Claim(caller, _checked(key), _fingerprint(request, content), now)
        async with self._control.database.read() as session:
            before = await store.find(session, caller, key, now)
        if before is not None:
            return _again(before, claim)
        if (caller, key) in self._under_way:
            raise _conflict("idempotency_key_in_use", "a request with this key is being carried out", "wait, then ask")
        self._under_way.add((caller, key))
        try:
            with claiming(claim):
                response = await carry_out()
            if response.status < HTTPStatus.BAD_REQUEST:
                await self._keep(claim, response, secret=secret)
        finally:
            self._under_way.discard((caller, key))
        return response

    async def _keep(self, claim: Claim, response: web.StreamResponse, *, secret: bool) -> None:
        claim.written = True  # from here on it is this that writes it
        body = None if secret else _text(response)
        async with self._control.database.write() as session:
            if body is None:
                await store.keep(session, claim)
            else:
                headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
                await store.keep(session, claim, response.status, headers, body)


def _checked(key: str) -> str:
    if 0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable():
        return key
    raise ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        f"{HEADER} is 1 to {MAX_KEY} printable ASCII characters",
        field=HEADER,
        hint="a fresh UUID is a good key",
    )


def _fingerprint(request: web.Request, content: bytes) -> str:
    return sha256(b"\0".join((request.method.encode(), request.raw_path.encode(), content))).hexdigest()


def _again(before: IdempotencyKey, claim: Claim) -> web.Response:
    if before.request != claim.request:
        raise _conflict(
            "idempotency_key_reused", "this key came with another request before", "make a new key for each request"
        )
    if before.status is None:
        raise _conflict(
            "idempotency_answer_lost",
            "the request was carried out; its answer was not kept",
            "look at what it made: answers that hold a secret are not kept, nor one that control died over",
        )
    return web.Response(
        status=before.status,
        body=(before.body or "").encode() or None,
        headers={**before.headers, REPLAYED: "true"},
    )


def _text(response: web.StreamResponse) -> str | None:
    if not isinstance(response, web.Response):
        return None
    if response.body is None:
        return ""
    if not isinstance(response.body, bytes) or len(response.body) > MAX_ANSWER:
        return None
    try:
        return response.body.decode()
    except UnicodeDecodeError:
        return None


def _conflict(code: str, detail: str, hint: str) -> ProblemError:
    return ProblemError(HTTPStatus.CONFLICT, code, detail, field=HEADER, hint=hint)
