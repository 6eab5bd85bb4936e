"""`virtual-printers/{id}/access-codes`: who may send to a printer. The code is the sender."""

from http import HTTPStatus
from typing import ClassVar, Self

from pydantic import AwareDatetime, model_validator

from vprinter_control.api.conditional import Item
from vprinter_control.api.fields import Code, Name
from vprinter_control.api.paging import Page
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.domain.refusal import NotThere
from vprinter_control.store import access_codes as store
from vprinter_control.store import printers
from vprinter_control.store.schema import Code as CodeRow


class AccessCodeBody(Body):
    """A new access code."""

    owner: Name
    """Whose it is: uploads and prints that come with it carry this name."""
    code: Code | None = None
    """Left out: a random one."""


class AccessCodePatch(Body):
    """Changes; what is left out stays."""

    owner: Name | None = None
    code: Code | None = None
    """Another code in its place; sessions that used the old one end."""
    rotate: bool = False
    """A random code in its place."""

    @model_validator(mode="after")
    def _one_code(self) -> Self:
        if self.rotate and self.code is not None:
            raise ValueError("give a code, or rotate to a random one, not both")
        return self


class AccessCodeObject(Item):
    """An access code. `code` is shown to the scopes printers and admin only."""

    derived: ClassVar = frozenset({"last_used_at", "primary"})

    id: str
    owner: str
    code: str | None
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None
    """When a slicer last logged in or sent a file with it."""
    primary: bool
    """Whether it is the printer's `access_code`: the oldest one."""


async def _list(call: Call) -> Page[AccessCodeObject]:
    async with call.control.database.read() as session:
        await printers.get(session, call.id)
        codes = await store.of(session, call.id)
    return Page(items=[_object(call, code, primary=code is codes[0]) for code in codes])


async def _get(call: Call) -> AccessCodeObject:
    return await _shown(call, _code_id(call))


async def _add(call: Call) -> AccessCodeObject:
    body: AccessCodeBody = call.body
    text = body.code.get_secret_value() if body.code else None
    code = await call.control.codes.add(call.id, body.owner, text)
    return await _shown(call, code.id)


async def _change(call: Call) -> AccessCodeObject:
    body: AccessCodePatch = call.body
    text = body.code.get_secret_value() if body.code else None
    await call.control.codes.change(call.id, _code_id(call), owner=body.owner, text=text, rotate=body.rotate)
    return await _shown(call, _code_id(call))


async def _revoke(call: Call) -> None:
    await call.control.codes.revoke(call.id, _code_id(call))


async def _shown(call: Call, id_: str) -> AccessCodeObject:
    for code in (await _list(call)).items:
        if code.id == id_:
            return code
    raise NotThere("access code", id_)


def _code_id(call: Call) -> str:
    return call.request.match_info["code_id"]


def _object(call: Call, code: CodeRow, *, primary: bool) -> AccessCodeObject:
    return AccessCodeObject(
        id=code.id,
        owner=code.owner,
        code=code.code if call.sees_secrets else None,
        created_at=code.created_at,
        last_used_at=call.control.uses.newest(CodeRow, code.id, code.last_used_at),
        primary=primary,
    )


_DUPLICATES = ((HTTPStatus.CONFLICT, "duplicate_code"), (HTTPStatus.CONFLICT, "duplicate_owner"))
_PATH = "/virtual-printers/{id}/access-codes"
ROUTES = (
    Route("GET", _PATH, "List a printer's access codes, the primary one first", _list, Page[AccessCodeObject]),
    Route(
        "POST",
        _PATH,
        "Add an access code",
        _add,
        AccessCodeObject,
        body=AccessCodeBody,
        status=HTTPStatus.CREATED,
        access=Access.PRINTERS,
        secret_answer=True,
        problems=(*_DUPLICATES, (HTTPStatus.CONFLICT, "too_many_codes")),
    ),
    Route("GET", _PATH + "/{code_id}", "Get an access code", _get, AccessCodeObject),
    Route(
        "PATCH",
        _PATH + "/{code_id}",
        "Name its owner, replace the code, or rotate it; sessions that used the old code end",
        _change,
        AccessCodeObject,
        body=AccessCodePatch,
        access=Access.PRINTERS,
        problems=_DUPLICATES,
    ),
    Route(
        "DELETE",
        _PATH + "/{code_id}",
        "Revoke it; the sessions that used it end",
        _revoke,
        access=Access.PRINTERS,
        problems=((HTTPStatus.CONFLICT, "last_access_code"),),
    ),
)
