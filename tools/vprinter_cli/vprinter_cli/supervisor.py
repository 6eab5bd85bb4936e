"""Several programs kept running together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from vprinter_cli.child import Child, Program, Say, Timing


@asynccontextmanager
async def kept_running(programs: Sequence[Program], say: Say, timing: Timing) -> AsyncIterator[None]:
    """Keep the programs running while the context is open; leaving it stops all of them at once.

    Nested contexts give the order: what others need is opened first and stopped last.
    """
    children = [Child(program, say, timing) for program in programs]
    async with asyncio.TaskGroup() as group:
        keeping = [group.create_task(child.keep()) for child in children]
        try:
            yield
        finally:
            for child in children:
                child.stop()
            # Waited for here: the group would cancel the tasks, and with them the graceful stop, if the body failed.
            await asyncio.gather(*keeping, return_exceptions=True)
