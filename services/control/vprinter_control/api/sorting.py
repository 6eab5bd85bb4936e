"""Lists that can be put in several orders. A cursor is a place in one of them, and stays one when rows come and go."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from math import isfinite
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, tuple_

from vprinter_control.api.paging import Part, decode, encode, whole
from vprinter_control.api.problems import ProblemError
from vprinter_control.store.schema import ArchiveItem, PendingUpload

File = ArchiveItem | PendingUpload


class Sort(StrEnum):
    """What a list of files is ordered by; `-` turns it round. What is not known counts as least."""

    NEWEST = "-received_at"
    OLDEST = "received_at"
    NAME = "name"
    NAME_BACK = "-name"
    LARGEST = "-size"
    SMALLEST = "size"
    LONGEST = "-seconds"
    SHORTEST = "seconds"
    HEAVIEST = "-grams"
    LIGHTEST = "grams"

    @property
    def descending(self) -> bool:
        """Whether the greatest comes first."""
        return self.value.startswith("-")

    @property
    def column(self) -> str:
        """The column."""
        field = self.value.removeprefix("-")
        return "sort_name" if field == "name" else field


class Sorted(Part):
    """Which part of a list, in which order."""

    sort: Sort = Sort.NEWEST


def ordered(query: Select[Any], table: type[File], wanted: Sorted) -> Select[Any]:
    """The part of a query that is wanted, and one row more."""
    column, seq = getattr(table, wanted.sort.column), table.seq
    if wanted.cursor is not None:
        query = query.where(_beyond(column, seq, wanted))
    if wanted.sort.descending:
        return query.order_by(column.desc().nulls_last(), seq.desc()).limit(wanted.limit + 1)
    return query.order_by(column.asc().nulls_first(), seq.asc()).limit(wanted.limit + 1)


def following(rows: Sequence[File], wanted: Sorted) -> str | None:
    """The cursor after the rows that are shown, if there are more."""
    if len(rows) <= wanted.limit:
        return None
    last = rows[wanted.limit - 1]
    value = getattr(last, wanted.sort.column)
    return encode([wanted.sort.value, value.isoformat() if isinstance(value, datetime) else value, last.seq])


def _beyond(column: Any, seq: Any, wanted: Sorted) -> ColumnElement[bool]:
    """Rows after the cursor. Of two values that are not known, `seq` decides."""
    value, key = _place(wanted)
    nullable = wanted.sort.column in ("seconds", "grams")
    if wanted.sort.descending:
        if value is None:
            return and_(column.is_(None), seq < key)
        less = tuple_(column, seq) < tuple_(value, key)
        return or_(less, column.is_(None)) if nullable else less
    if value is None:
        return or_(column.is_not(None), seq > key)
    return tuple_(column, seq) > tuple_(value, key)


def _place(wanted: Sorted) -> tuple[Any, int]:
    try:
        return _unpacked(wanted.sort, decode(wanted.cursor or ""))
    except ValueError:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid_cursor",
            f"the cursor is none of a list sorted by {wanted.sort.value}",
            field="cursor",
            hint="take it from `next` of the page before, and leave `sort` as it was",
        ) from None


def _unpacked(wanted: Sort, place: Sequence[Any]) -> tuple[Any, int]:
    sort, value, seq = place
    if sort != wanted.value:
        raise ValueError("of another order")
    return _value(wanted, value), whole(seq)


def _value(sort: Sort, value: object) -> Any:
    match sort.column, value:
        case "received_at", str(text):
            return datetime.fromisoformat(text).astimezone(UTC)
        case "sort_name", str(text):
            text.encode()
            return text
        case "size", _:
            return whole(value)
        case (("seconds" | "grams"), None):
            return None
        case "seconds", _:
            return whole(value)
        case "grams", (int() | float()) as number if isfinite(number):
            return float(number)
    raise ValueError("of the wrong kind")
