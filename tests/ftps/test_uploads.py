import asyncio
import hashlib

from tests.ftps.client import RawClient
from tests.ftps.conftest import Serve
from tests.ftps.rig import container


async def test_a_file_sent_as_a_slicer_does_is_in_custody_when_226_comes(serve: Serve) -> None:
    rig = await serve()
    content = container(300_000)

    def send() -> str:
        with RawClient(rig.port, rig.context_file) as client:
            return client.login().store("Cube.gcode.3mf", content)

    reply = await asyncio.to_thread(send)
    assert reply.startswith("226")
    assert [path.name for path in rig.blobs] == [hashlib.sha256(content).hexdigest()]
    assert rig.blobs[0].read_bytes() == content
    assert len(rig.outbox) == 1
    assert not rig.parts
