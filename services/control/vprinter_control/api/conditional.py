"""`ETag` and `If-Match`: a change is made to what its maker saw, or not at all."""

import asyncio
from hashlib import sha256
from http import HTTPStatus
from typing import ClassVar
from weakref import WeakValueDictionary

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from vprinter_control.api.problems import ProblemError


class Item(BaseModel):
    """Something that is sent with an ETag, which stands for all fields but the derived ones."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    derived: ClassVar[frozenset[str]] = frozenset()
    """Fields that follow from other things and change by themselves."""

    @property
    def etag(self) -> str:
        """The value of the header."""
        content = self.model_dump_json(exclude=set(self.derived))
        return f'"{sha256(content.encode()).hexdigest()[:24]}"'


class Turns:
    """Lets changes of one thing in one after the other, so that nothing comes between a look and a change."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, path: str) -> asyncio.Lock:
        """The lock of what is at a path."""
        return self._locks.setdefault(path, asyncio.Lock())


def check(request: web.Request, item: BaseModel) -> None:
    """Refuse a change of something that is no longer what `If-Match` says."""
    wanted = {tag.strip() for header in request.headers.getall("If-Match", ()) for tag in header.split(",")}
    if not isinstance(item, Item) or "*" in wanted or item.etag in wanted:
        return
    raise ProblemError(
        HTTPStatus.PRECONDITION_FAILED,
        "changed_meanwhile",
        "it was changed after you looked at it",
        field="If-Match",
        hint="look at it as it is now, then make your change again",
        headers={"ETag": item.etag},
    )
