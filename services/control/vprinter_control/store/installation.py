"""The row that is made once."""

from random import Random

from sqlalchemy import select

from vprinter_common.certs import Clock
from vprinter_control.store.database import Database
from vprinter_control.store.schema import Installation

_ID = 1


async def ensure_installation(database: Database, clock: Clock, randomness: Random) -> None:
    """Make the installation's number, which serial numbers are made from, if there is none."""
    async with database.read() as session:
        if await session.scalar(select(Installation.id)) is not None:
            return
    async with database.write() as session:
        number = str(randomness.getrandbits(128))
        session.add(Installation(id=_ID, number=number, next_index=0, created_at=clock()))
