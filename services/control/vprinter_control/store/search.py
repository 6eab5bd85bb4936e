"""Full-text search: FTS5 in SQLite, tsvector in PostgreSQL. Both are handed words and know no language themselves.

The index follows the rows: what a transaction changes in a file's row, it changes in the index too (`follow`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, TextClause, event, text
from sqlalchemy.orm import InstrumentedAttribute, Session, UOWTransaction, sessionmaker
from sqlalchemy.orm.attributes import get_history

from vprinter_control.domain.search_text import search_text
from vprinter_control.domain.words import Term, tag_words, words_of
from vprinter_control.store.schema import ArchiveItem, PendingUpload

File = ArchiveItem | PendingUpload

_INDEXES: Mapping[type[Any], str] = {ArchiveItem: "archive_search", PendingUpload: "pending_search"}
_LOOKED_AT = ("name", "title", "filename", "designer", "plates", "tags", "notes")


class _Engine(Protocol):
    """The index of one kind of database. `index` is one of ours, everything else is handed over apart."""

    def keep(self, index: str) -> TextClause: ...
    def forget(self, index: str) -> TextClause: ...
    def matching(self, index: str) -> str: ...
    def document(self, words: Sequence[str]) -> str: ...
    def query(self, terms: Sequence[Term]) -> str: ...


class _Fts5:
    """Words contain no space and no quote, which is all that the `ascii` tokenizer and a query's strings ask for."""

    def keep(self, index: str) -> TextClause:
        return text(f"INSERT INTO {index} (rowid, words) VALUES (:row, :words)")  # noqa: S608

    def forget(self, index: str) -> TextClause:
        return text(f"DELETE FROM {index} WHERE rowid = :row")  # noqa: S608

    def matching(self, index: str) -> str:
        return f"SELECT rowid FROM {index} WHERE {index} MATCH :words"  # noqa: S608

    def document(self, words: Sequence[str]) -> str:
        return " ".join(words)

    def query(self, terms: Sequence[Term]) -> str:
        return " AND ".join(f'"{" ".join(term.words)}"{"*" if term.prefix else ""}' for term in terms)


class _TsVector:
    """Words are written as lexemes with their places: PostgreSQL's own parsers would split and stem them."""

    def keep(self, index: str) -> TextClause:
        return text(f"INSERT INTO {index} (seq, words) VALUES (:row, CAST(:words AS tsvector))")  # noqa: S608

    def forget(self, index: str) -> TextClause:
        return text(f"DELETE FROM {index} WHERE seq = :row")  # noqa: S608

    def matching(self, index: str) -> str:
        return f"SELECT seq FROM {index} WHERE words @@ CAST(:words AS tsquery)"  # noqa: S608

    def document(self, words: Sequence[str]) -> str:
        return " ".join(f"'{word}':{place}" for place, word in enumerate(words, start=1))

    def query(self, terms: Sequence[Term]) -> str:
        return " & ".join(
            "(" + " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else "") + ")"
            for term in terms
        )


def follow(sessions: sessionmaker[Session]) -> None:
    """Keep the index as the rows are, in every transaction of these sessions."""
    event.listen(sessions, "after_flush", _after_flush)


def found(session: Session, seq: InstrumentedAttribute[int], terms: Sequence[Term]) -> ColumnElement[bool]:
    """The rows that hold all of the terms; `seq` is a column of ArchiveItem or PendingUpload."""
    engine = _engine(session)
    matching = text(engine.matching(_INDEXES[seq.parent.class_])).bindparams(words=engine.query(terms))
    return seq.in_(matching.columns(seq=seq.type))


def _engine(session: Session) -> _Engine:
    return _TsVector() if session.get_bind().dialect.name == "postgresql" else _Fts5()


def _after_flush(session: Session, _context: UOWTransaction) -> None:
    for kind, index in _INDEXES.items():
        new = [row for row in session.new if isinstance(row, kind)]
        changed = [row for row in session.dirty if isinstance(row, kind) and _changed(row)]
        gone = [row for row in session.deleted if isinstance(row, kind)]
        engine = _engine(session)
        if changed or gone:
            session.execute(engine.forget(index), [{"row": row.seq} for row in (*changed, *gone)])
        if new or changed:
            session.execute(
                engine.keep(index),
                [{"row": row.seq, "words": engine.document(_words(row))} for row in (*new, *changed)],
            )


def _changed(row: File) -> bool:
    return any(get_history(row, name).has_changes() for name in _LOOKED_AT)


def _words(row: File) -> list[str]:
    return [*tag_words(map(str, row.tags)), *words_of(search_text(row))]
