"""Requests that are carried out once, however often they are sent (`Idempotency-Key`).

The key is written in the first transaction of the request, so that it is known exactly if the change was made; what was
answered is added afterwards.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.store.schema import IdempotencyKey

KEPT = timedelta(hours=24)


@dataclass(slots=True)
class Claim:
    """A request with a key."""

    caller: str
    """Id of the caller's token: keys of different callers do not meet."""
    key: str
    request: str
    """Hash of what is asked for."""
    at: datetime
    written: bool = False


_CLAIM: ContextVar[Claim | None] = ContextVar("claim", default=None)


@contextmanager
def claiming(claim: Claim) -> Iterator[None]:
    """The first transaction inside writes down the claim."""
    token = _CLAIM.set(claim)
    try:
        yield
    finally:
        _CLAIM.reset(token)


async def write_claim(session: AsyncSession) -> Claim | None:
    """Add the claim of the present request to a transaction, unless an earlier one has it.

    Its `written` is to be set when the transaction is committed.
    """
    claim = _CLAIM.get()
    if claim is None or claim.written:
        return None
    await session.merge(_row(claim))  # one that is too old to be honoured may still be there
    return claim


async def find(session: AsyncSession, caller: str, key: str, now: datetime) -> IdempotencyKey | None:
    """The request that came with this key before."""
    return await session.scalar(
        select(IdempotencyKey).where(
            IdempotencyKey.caller == caller, IdempotencyKey.key == key, IdempotencyKey.at > now - KEPT
        )
    )


async def keep(
    session: AsyncSession,
    claim: Claim,
    status: int | None = None,
    headers: dict[str, Any] | None = None,
    body: str | None = None,
) -> None:
    """Keep that a request was carried out, and what was answered if that may be kept."""
    row = await session.merge(_row(claim))
    row.status, row.headers, row.body = status, headers or {}, body


async def forget(session: AsyncSession, now: datetime) -> None:
    """Forget keys that are no longer honoured."""
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.at <= now - KEPT))


def _row(claim: Claim) -> IdempotencyKey:
    return IdempotencyKey(
        caller=claim.caller, key=claim.key, at=claim.at, request=claim.request, headers={}, status=None, body=None
    )
