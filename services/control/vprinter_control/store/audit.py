"""The audit trail: who changed what, and which slicer sent which file. Written with the change itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.message import new_id
from vprinter_control.store.acting import acting
from vprinter_control.store.schema import AuditEntry

_NAMES = ("name", "filename")


def write_down(
    session: AsyncSession, at: datetime, action: str, about: Mapping[str, Any], changes: Mapping[str, Any] | None
) -> None:
    """Add an entry for an event that says `about` what it is; `changes` takes the place of what else it says."""
    actor = acting()
    kind = action.partition(".")[0]
    key = kind if kind in about else "printer"
    names = [str(about[name]) for name in _NAMES if about.get(name)]
    if changes is None:
        changes = {name: value for name, value in about.items() if name not in (key, "name")}
    session.add(
        AuditEntry(
            id=new_id(),
            at=at,
            actor_kind=actor.kind.value,
            actor_name=actor.name[:100],
            address=actor.address and actor.address[:64],
            action=action,
            object_kind=key if kind not in about and key in about else kind,
            object_id=str(about.get(key, ""))[:64],
            object_name=(names[0] if names else "")[:255],
            changes=dict(changes),
        )
    )


def changes(before: Mapping[str, Any], row: object) -> dict[str, Any]:
    """What some columns were and are; those that stayed are left out."""
    now = {name: getattr(row, name) for name in before}
    return {name: {"from": before[name], "to": now[name]} for name in before if before[name] != now[name]}


async def forget(session: AsyncSession, before: datetime) -> None:
    """Forget what is older."""
    await session.execute(delete(AuditEntry).where(AuditEntry.at < before))
