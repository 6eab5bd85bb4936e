"""Lists of files: the archive, and what waits for its review."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common import catalog
from vprinter_common.contracts.message import Sha256
from vprinter_control.api.fields import Id, Wanted
from vprinter_control.api.files import FileObject, show
from vprinter_control.api.paging import Page
from vprinter_control.api.sorting import Sorted, following, ordered
from vprinter_control.domain.words import tag_term, terms_of
from vprinter_control.store.schema import ArchiveItem, PendingUpload
from vprinter_control.store.search import found

File = ArchiveItem | PendingUpload


class FileQuery(Sorted):
    """What to list: all of the given must hold."""

    q: Wanted | None = None
    """Words, or beginnings of words, of the name, title, file name, designer, filament types, tags and notes."""
    tag: Wanted | None = None
    sha256: Sha256 | None = None
    project: Id | None = None
    printer: Id | None = None
    """The virtual printer that received it."""
    owner: Wanted | None = None
    model: Wanted | None = None
    """The printer model that it was sliced for."""


async def listed(session: AsyncSession, table: type[File], query: Select[int], wanted: FileQuery) -> Page[FileObject]:
    """A page of the files among `query`, which selects `seq`."""
    for column, value in (
        (table.sha256, wanted.sha256),
        (table.project_id, wanted.project),
        (table.virtual_printer_id, wanted.printer),
        (table.owner, wanted.owner),
        (table.sliced_for, _code(wanted.model)),
    ):
        if value is not None:
            query = query.where(column == value)
    terms = terms_of(wanted.q or "") + ([tag_term(wanted.tag)] if wanted.tag else [])
    if terms:
        query = query.where(await session.run_sync(lambda sync: found(sync, table.seq, terms)))
    # First which, then what: rows are wide, and an index alone knows their order.
    seqs = list(await session.scalars(ordered(query, table, wanted)))
    by_seq: dict[int, File] = {row.seq: row for row in await _rows(session, table, seqs)}
    rows = [by_seq[seq] for seq in seqs]
    return Page(items=await show(session, rows[: wanted.limit]), next=following(rows, wanted))


async def _rows(session: AsyncSession, table: type[File], seqs: Sequence[int]) -> Sequence[File]:
    """The rows with these numbers, in any order."""
    if table is ArchiveItem:
        return (await session.scalars(select(ArchiveItem).where(ArchiveItem.seq.in_(seqs)))).all()
    return (await session.scalars(select(PendingUpload).where(PendingUpload.seq.in_(seqs)))).all()


def _code(model: str | None) -> str | None:
    try:
        return catalog.model(model).code if model else None
    except catalog.UnknownModel:
        return model
