"""Large files."""

import hashlib
import random
from pathlib import Path

import pytest

from tests.proxy.ftps_rig import house
from tests.simulators.printer import vsftpd
from tests.simulators.printer.printer import Character

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

SIZE = 300 << 20
WAYS = [
    pytest.param(character, strategy, model, id=f"{character}-{strategy}")
    for character, model in ((Character.VSFTPD, "O1D"), (Character.LATE, "O1D"), (Character.ESP, "C12"))
    for strategy in ("terminate", "passthrough")
    # With the fixed data ports 2024 to 2026 that is for a host where nobody else has them.
    if not (character is Character.ESP and strategy == "passthrough")
]


@pytest.mark.parametrize(("character", "strategy", "model"), WAYS)
async def test_300_megabytes_arrive_whole(tmp_path: Path, character: Character, strategy: str, model: str) -> None:
    if character is Character.VSFTPD and (why := vsftpd.why_not()):
        pytest.skip(why)
    sent = hashlib.sha256()
    rng = random.Random(8)
    with (tmp_path / "cube").open("wb") as file:
        for _ in range(SIZE >> 20):
            piece = rng.randbytes(1 << 20)
            sent.update(piece)
            file.write(piece)
    async with house(tmp_path, character, relay={"ftp": strategy}, model=model, final_delay=1.0) as here:
        await here.curl("-k", "-T", str(tmp_path / "cube"), f"{here.url}/cube.gcode.3mf")
        with (here.printer.root / "cube.gcode.3mf").open("rb") as file:
            assert hashlib.file_digest(file, "sha256").digest() == sent.digest()
