"""Which archived files are copies of another, and which are likely to be of its project."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from vprinter_control.domain.refusal import NotThere
from vprinter_control.store.schema import ArchiveItem, PendingUpload

AnyFile = ArchiveItem | PendingUpload


@dataclass(frozen=True, slots=True)
class Duplicates:
    """How many other files of the archive have the same bytes, and how many others are of the same project."""

    exact: int = 0
    likely: int = 0


async def any_file(session: AsyncSession, id_: str) -> AnyFile:
    """An archive item or pending upload, or NotThere."""
    item = await session.scalar(select(ArchiveItem).where(ArchiveItem.id == id_))
    found = item or await session.scalar(select(PendingUpload).where(PendingUpload.id == id_))
    if found is None:
        raise NotThere("file", id_)
    return found


def duplicates_of(file: AnyFile) -> ColumnElement[bool]:
    """Selects the archive items that are exact or likely duplicates of a file."""
    alike = [ArchiveItem.sha256 == file.sha256]
    if file.project_key is not None:
        alike.append(ArchiveItem.project_key == file.project_key)
    if file.design_id is not None:
        alike.append(ArchiveItem.design_id == file.design_id)
    return and_(or_(*alike), ArchiveItem.id != file.id)


async def count(session: AsyncSession, files: Sequence[AnyFile]) -> dict[str, Duplicates]:
    """The duplicates of each file, by its id: two queries, however many files."""
    keys = {file.project_key for file in files if file.project_key is not None}
    designs = {file.design_id for file in files if file.design_id is not None}
    kin = _Kin()
    for row in await _grouped(session, or_(ArchiveItem.project_key.in_(keys), ArchiveItem.design_id.in_(designs))):
        kin.add(*row)
    copies: defaultdict[str, _Kin] = defaultdict(_Kin)
    of_these = ArchiveItem.sha256.in_({file.sha256 for file in files})
    for sha256, *kinship in await _grouped(session, of_these, ArchiveItem.sha256):
        copies[sha256].add(*kinship)
    return {file.id: _count(file, kin, copies[file.sha256]) for file in files}


class _Kin:
    """How many files there are of each project and design."""

    def __init__(self) -> None:
        self.all = 0
        self._of: Counter[tuple[str | None, str | None]] = Counter()

    def add(self, key: str | None, design: str | None, number: int) -> None:
        """Count so many files of a project and design."""
        self.all += number
        if key is not None:
            self._of[key, None] += number
        if design is not None:
            self._of[None, design] += number
        if key is not None and design is not None:
            self._of[key, design] += number

    def of(self, file: AnyFile) -> int:
        """How many are of the file's project or design."""
        key, design = file.project_key, file.design_id
        if key is None or design is None:
            return self._of[key, design]
        return self._of[key, None] + self._of[None, design] - self._of[key, design]


def _count(file: AnyFile, kin: _Kin, copies: _Kin) -> Duplicates:
    itself = 1 if isinstance(file, ArchiveItem) else 0
    return Duplicates(exact=copies.all - itself, likely=kin.of(file) - copies.of(file))


async def _grouped(
    session: AsyncSession, which: ColumnElement[bool], *first: InstrumentedAttribute[str]
) -> list[tuple[Any, ...]]:
    """Numbers of files by `first`, project and design, each row in this order."""
    columns = (*first, ArchiveItem.project_key, ArchiveItem.design_id)
    rows = await session.execute(select(*columns, func.count()).where(which).group_by(*columns))
    return [tuple(row) for row in rows]
