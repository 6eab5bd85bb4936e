"""Two owners share a printer: what each sends is theirs, and one can be kept out without disturbing the other."""

import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256

import pytest

from tests.simulators import threemf
from tests.simulators.ftps import FtpRefused, FtpsSession
from tests.simulators.gates import Blocked, Gate
from tests.simulators.profiles import ORCA, STUDIO_27, Profile
from tests.simulators.slicer import USER, Slicer
from tests.system.harness import Printer, System
from tests.system.processes import wait_for

WITHIN = 10.0
"""Seconds; whoever only missed the news reads all again within half a minute."""
PROMISED = 2.0
"""Seconds within which the sessions of a revoked code end."""
PIECE = 64 * 1024
PACE = 0.05
"""Seconds between two pieces of a slow upload."""


@pytest.fixture
def shared(system: System) -> Printer:
    """A printer of its own: its codes are changed."""
    return system.new_printer(name="Shared")


def give_code(system: System, printer: Printer, owner: str) -> tuple[str, str]:
    """Add an owner; id and code, once every edge knows it."""
    code = system.new_code()
    made = system.api.post(f"virtual-printers/{printer.id}/access-codes", {"owner": owner, "code": code})
    wait_for(lambda: system.revision_is_served(printer), f"{owner}'s code is known")
    return made["id"], code


def connected(system: System, printer: Printer, code: str, profile: Profile = STUDIO_27) -> Slicer:
    """A slicer with this code that is ready to print."""
    slicer = system.slicer(printer, profile, access_code=code)
    slicer.add()
    try:
        slicer.connect()
    except Blocked:
        slicer.close()
        raise
    return slicer


def is_ended(slicer: Slicer) -> bool:
    """Whether its MQTT session was ended."""
    return slicer.link.closed is not None


def is_joined(system: System, archived: str) -> bool:
    """Whether the print command that belongs to a file has found it."""
    return system.api.get(f"archive/{archived}")["job"] is not None


def uploading(slicer: Slicer, code: str, name: str, content: bytes) -> FtpsSession:
    """An upload whose first piece has been sent."""
    session = slicer.ftps()
    session.login(USER, code)
    session.begin_store(name)
    session.write(content[:PIECE])
    return session


def paced(session: FtpsSession, content: bytes, meanwhile: Callable[[int], None]) -> None:
    """The rest of the upload, slowly."""
    for number, start in enumerate(range(PIECE, len(content), PIECE)):
        meanwhile(number)
        session.write(content[start : start + PIECE])
        time.sleep(PACE)
    session.finish_data()


def test_what_two_owners_send_and_print_is_theirs(system: System, shared: Printer) -> None:
    sent = {}
    for owner, profile, seed in (("Ada", STUDIO_27, 301), ("Bob", ORCA, 302)):
        _, code = give_code(system, shared, owner)
        with connected(system, shared, code, profile) as slicer:
            sent[owner] = slicer.print("shared name.gcode.3mf", threemf.sliced(title=owner, seed=seed))
    for owner, upload in sent.items():
        (item,) = system.await_archived(upload.sha256)
        assert item["owner"] == owner
        wait_for(partial(is_joined, system, item["id"]), f"{owner}'s print is joined")
    codes = system.api.items(f"virtual-printers/{shared.id}/access-codes")
    assert {code["owner"]: code["last_used_at"] is not None for code in codes} == {"": False, "Ada": True, "Bob": True}
    assert [code["primary"] for code in codes] == [True, False, False]
    system.remove(shared)


def test_revoking_one_code_ends_its_sessions_and_leaves_the_others_transfer_alone(
    system: System, shared: Printer
) -> None:
    ada_id, ada_code = give_code(system, shared, "Ada")
    _, bob_code = give_code(system, shared, "Bob")
    content = threemf.sliced(title="of Bob", seed=303, padding=3_000_000)
    listeners = {service: (system.status(shared, service) or {})["since"] for service in ("mqtt", "ftps")}
    with (
        connected(system, shared, ada_code) as ada,
        connected(system, shared, bob_code) as bob,
        ada.ftps() as ada_idle,
        uploading(ada, ada_code, "of Ada.gcode.3mf", content) as ada_sends,
        uploading(bob, bob_code, "of Bob.gcode.3mf", content) as bob_sends,
    ):
        ada_idle.login(USER, ada_code)

        def meanwhile(number: int) -> None:
            if number == 5:
                system.api.delete(f"virtual-printers/{shared.id}/access-codes/{ada_id}")
                wait_for(partial(is_ended, ada), "Ada's MQTT session ends", WITHIN)
                assert ada_idle.reply().code == 421
                assert [ada_sends.reply().code, ada_sends.reply().code] == [426, 421]

        paced(bob_sends, content, meanwhile)
        assert bob_sends.stored().code == 226
        bob.await_pushes(1)
        assert bob.link.closed is None
        with pytest.raises(Blocked) as stopped:
            connected(system, shared, ada_code)
        assert stopped.value.gate is Gate.ACCESS_CODE
        with ada.ftps() as again, pytest.raises(FtpRefused) as refused:
            again.login(USER, ada_code)
        assert refused.value.gate is Gate.IP_AND_CODE
    (item,) = system.await_archived(sha256(content).hexdigest())
    assert (item["owner"], item["filename"]) == ("Bob", "of Bob.gcode.3mf")
    system.await_quiet()
    after = {service: (system.status(shared, service) or {})["since"] for service in ("mqtt", "ftps")}
    assert after == listeners, "a listener was restarted"
    system.remove(shared)


def test_the_sessions_of_a_revoked_code_end_within_two_seconds(system: System, shared: Printer) -> None:
    for owner in ("Ada", "Bob", "Cleo"):  # a busy machine may be late once
        id_, code = give_code(system, shared, owner)
        with connected(system, shared, code) as slicer, slicer.ftps() as idle:
            idle.login(USER, code)
            began = time.monotonic()
            system.api.delete(f"virtual-printers/{shared.id}/access-codes/{id_}")
            wait_for(partial(is_ended, slicer), f"{owner}'s MQTT session ends", WITHIN)
            assert idle.reply().code == 421
            seconds = time.monotonic() - began
        if seconds < PROMISED:
            break
    assert seconds < PROMISED
    system.remove(shared)


def test_a_new_name_disturbs_nobody_and_a_rotated_code_ends_its_sessions(system: System, shared: Printer) -> None:
    ada_id, ada_code = give_code(system, shared, "Ada")
    path = f"virtual-printers/{shared.id}/access-codes/{ada_id}"
    with connected(system, shared, ada_code) as ada, connected(system, shared, shared.code) as first:
        system.api.patch(path, {"owner": "Ada Lovelace"})
        wait_for(lambda: system.revision_is_served(shared), "the new name is known")
        sent = ada.send("named.gcode.3mf", threemf.sliced(seed=304))
        (item,) = system.await_archived(sent.sha256)
        assert item["owner"] == "Ada Lovelace"
        rotated = system.api.patch(path, {"rotate": True})
        system.secrets.add(rotated["code"])
        wait_for(partial(is_ended, ada), "Ada's session ends", WITHIN)
        first.await_pushes(1)
    with connected(system, shared, rotated["code"]) as ada:
        ada.await_pushes(1)
    system.remove(shared)
