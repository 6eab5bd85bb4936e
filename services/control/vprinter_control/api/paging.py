"""Lists, page by page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from vprinter_control.api.routing import Body

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")


class Page(BaseModel, Generic[T]):
    """Part of a list; `next` is the cursor of the rest, null at the end."""

    items: list[T]
    next: str | None = None


class Paging(Body):
    """Which part of a list."""

    cursor: str | None = Field(default=None, max_length=64)
    limit: int = Field(default=50, ge=1, le=500)

    @field_validator("cursor")
    @classmethod
    def _ours(cls, value: str | None) -> str | None:
        if value is not None:
            _decode(value)
        return value

    @property
    def after(self) -> int | None:
        """The key of the last item already seen."""
        return _decode(self.cursor) if self.cursor is not None else None


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
    following = _encode(getattr(shown[-1], key.key)) if rest else None
    return Page(items=await show(shown), next=following)


def _encode(key: int) -> str:
    return urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def _decode(cursor: str) -> int:
    try:
        return int(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise PydanticCustomError(
            "invalid_cursor", "the cursor is not one of ours", {"hint": "take it from `next` of the page before"}
        ) from None
