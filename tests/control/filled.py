"""Files in control, for tests of what can be done to them."""

from datetime import timedelta
from typing import Any

from tests.control.harness import NOON, Parts, stored
from tests.simulators import threemf
from vprinter_common.contracts.printer import Mode


async def take(parts: Parts, *filenames: str, mode: Mode = Mode.IMMEDIATE, **more: Any) -> list[str]:
    """Take in files, one a minute; returns their ids."""
    ids = []
    for number, filename in enumerate(filenames):
        content = threemf.sliced(seed=abs(hash((filename, number))) % 10_000, title=more.pop("title", "cube"))
        parts.keep(content)
        fact = stored(content, filename=filename, mode=mode, at=NOON + timedelta(minutes=number), **more)
        await parts.take(fact)
        ids.append(fact.upload)
    return ids
