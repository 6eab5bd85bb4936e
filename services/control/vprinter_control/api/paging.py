"""Lists, page by page. Nothing is counted: a page asks for one row more than it shows."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from json import dumps, loads
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from vprinter_control.api.routing import Body

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")

MAX_CURSOR = 2048
_MAX_INT = (1 << 63) - 1


class Page(BaseModel, Generic[T]):
    """Part of a list; `next` is the cursor of the rest, null at the end."""

    items: list[T]
    next: str | None = None


class Part(Body):
    """Which part of a list."""

    cursor: str | None = Field(default=None, max_length=MAX_CURSOR, json_schema_extra={"pattern": "^[A-Za-z0-9_-]*$"})
    """`next` of the page before."""
    limit: int = Field(default=50, ge=1, le=500)


class Paging(Part):
    """Which part of a list that has one order."""

    @field_validator("cursor")
    @classmethod
    def _ours(cls, value: str | None) -> str | None:
        if value is not None:
            _key(value)
        return value

    @property
    def after(self) -> int | None:
        """The key of the last item already seen."""
        return _key(self.cursor) if self.cursor is not None else None


async def page(
    session: AsyncSession,
    query: Select[R],
    key: InstrumentedAttribute[int],
    paging: Paging,
    show: Callable[[Sequence[R]], Awaitable[list[T]]],
    *,
    newest_first: bool = True,
) -> Page[T]:
    """One page of a query, ordered by a unique integer column."""
    if paging.after is not None:
        query = query.where(key < paging.after if newest_first else key > paging.after)
    query = query.order_by(key.desc() if newest_first else key).limit(paging.limit + 1)
    rows: Sequence[Any] = (await session.scalars(query)).all()
    shown, rest = rows[: paging.limit], rows[paging.limit :]
    following = encode([getattr(shown[-1], key.key)]) if rest else None
    return Page(items=await show(shown), next=following)


def encode(place: Sequence[str | int | float | None]) -> str:
    """A cursor."""
    text = dumps(place, ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> list[Any]:
    """What a cursor stands for: any list; a ValueError if it is none of ours."""
    try:
        place = loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise ValueError("not a cursor") from error
    match place:
        case [*parts]:
            return parts
    raise ValueError("not a cursor")


def whole(value: object) -> int:
    """A number that a database takes, or a ValueError."""
    if type(value) is not int or not -_MAX_INT <= value <= _MAX_INT:
        raise ValueError("not a number of ours")
    return value


def _key(cursor: str) -> int:
    try:
        (key,) = decode(cursor)
        return whole(key)
    except ValueError:
        raise PydanticCustomError(
            "invalid_cursor", "the cursor is not one of ours", {"hint": "take it from `next` of the page before"}
        ) from None
