"""`python -m tests.faults.crashing ftps|control`: the real service with a fuse (see fuse.py)."""

import os
import sys
from contextvars import ContextVar
from pathlib import Path

from sqlalchemy import Engine, event

from tests.faults.fuse import FUSE_VARIABLE, Fuse
from vprinter_common.contracts import subjects
from vprinter_common.runtime.service import run
from vprinter_control.ingest import Ingest
from vprinter_control.service import control_body
from vprinter_control.settings import ControlSettings
from vprinter_ftps.announce import SERVICE
from vprinter_ftps.edge import body
from vprinter_ftps.settings import FtpsSettings

UPLOAD = subjects.fact("upload.stored")


def ftps(fuse: Fuse) -> None:
    """Steps: those of custody.py."""
    settings = FtpsSettings()
    run(SERVICE, settings, body(settings, fuse))


def control(fuse: Fuse) -> None:
    """Steps, of an upload that it takes: "before_commit", and "before_ack" after the commit."""
    taken: ContextVar[str] = ContextVar("taken", default="")
    take = Ingest.take

    async def take_with_fuse(self: Ingest, subject: str, data: bytes) -> None:
        token = taken.set(subject)
        try:
            await take(self, subject, data)
        finally:
            taken.reset(token)
        if subject == UPLOAD:
            fuse("before_ack")

    def on_commit(_connection: object) -> None:
        if taken.get() == UPLOAD:
            fuse("before_commit")

    Ingest.take = take_with_fuse  # type: ignore[method-assign]
    event.listen(Engine, "commit", on_commit)
    settings = ControlSettings()
    run("control", settings, lambda runtime: control_body(runtime, settings))


if __name__ == "__main__":
    {"ftps": ftps, "control": control}[sys.argv[1]](Fuse(Path(os.environ[FUSE_VARIABLE])))
