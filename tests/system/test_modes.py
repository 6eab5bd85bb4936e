"""Where files end: archive, pending uploads or queue; and what leaves no trace."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from typing import Any

import pytest

from tests.simulators import threemf
from tests.simulators.gates import Blocked, Gate
from tests.simulators.profiles import PROFILES, STUDIO_27, STUDIO_OLD, Profile
from tests.simulators.threemf import Plate
from tests.system.harness import Printer, System
from tests.system.processes import wait_for


@pytest.fixture(scope="module")
def review(system: System) -> Printer:
    """A printer in review mode."""
    return system.new_printer(mode="review", name="Review")


@pytest.fixture(scope="module")
def queue(system: System) -> Printer:
    """A printer in queue mode."""
    return system.new_printer(mode="queue", name="Queue")


def send(system: System, printer: Printer, filename: str, content: bytes, profile: Profile = STUDIO_27) -> str:
    """Send a file as a slicer does; returns its SHA-256."""
    with system.slicer(printer, profile) as slicer:
        slicer.add()
        slicer.connect()
        return slicer.send(filename, content).sha256


def print_file(system: System, printer: Printer, filename: str, content: bytes, profile: Profile) -> str:
    """Print a file as a slicer does; returns its SHA-256."""
    with system.slicer(printer, profile) as slicer:
        slicer.add()
        slicer.connect()
        return slicer.print(filename, content).sha256


def of(items: list[dict[str, Any]], digest: str) -> list[dict[str, Any]]:
    """The items of one file."""
    return [item for item in items if item["sha256"] == digest]


def pending(system: System, digest: str) -> list[dict[str, Any]]:
    """Pending uploads of a file."""
    return of(system.api.items("pending"), digest)


def await_pending(system: System, digest: str) -> dict[str, Any]:
    """The one pending upload of a file."""
    wait_for(lambda: pending(system, digest), "the pending upload")
    (found,) = pending(system, digest)
    return found


def queued(system: System, archive_id: str) -> list[dict[str, Any]]:
    """Queue items of an archive entry, by plate."""
    items = [item for item in system.api.items("queue") if item["archive_id"] == archive_id]
    return sorted(items, key=lambda item: item["plate"])


# -- immediate -------------------------------------------------------------------------------------------------------


def test_immediate_archives_and_nothing_else(system: System, printer: Printer) -> None:
    digest = send(system, printer, "straight.gcode.3mf", threemf.sliced(seed=1, title="Straight"))
    (entry,) = system.await_archived(digest)
    assert entry["filename"] == "straight.gcode.3mf"
    assert entry["virtual_printer_id"] == printer.id
    assert entry["size"] > 0
    assert entry["name"]
    assert entry["received_at"]
    assert not pending(system, digest)
    assert not queued(system, entry["id"])


def test_the_archived_file_is_the_one_that_was_sent(system: System, printer: Printer) -> None:
    content = threemf.sliced(seed=2, padding=50_000)
    (entry,) = system.await_archived(send(system, printer, "same bytes.gcode.3mf", content))
    assert system.api.raw("GET", f"archive/{entry['id']}/file") == content
    assert system.api.raw("GET", f"archive/{entry['id']}/plates/1/thumbnail") == threemf.png(Plate().color)


def test_an_identical_file_is_stored_once_and_listed_twice(system: System, printer: Printer) -> None:
    content = threemf.sliced(seed=3, padding=10_000)
    before = system.blobs()
    digest = send(system, printer, "twice.gcode.3mf", content)
    assert send(system, printer, "twice.gcode.3mf", content) == digest
    entries = system.await_archived(digest, count=2)
    assert len({entry["id"] for entry in entries}) == 2
    assert system.blobs() - before == {digest}


def test_two_files_of_one_name_at_once_are_two_entries(system: System, printer: Printer) -> None:
    contents = [threemf.sliced(seed=seed, padding=400_000) for seed in (4, 5)]
    with ThreadPoolExecutor(2) as pool:
        sends = [
            pool.submit(send, system, printer, "one name.gcode.3mf", content, profile)
            for content, profile in zip(contents, PROFILES, strict=False)
        ]
        digests = [one.result(30) for one in sends]
    assert digests == [sha256(content).hexdigest() for content in contents]
    for digest in digests:
        (entry,) = system.await_archived(digest)
        assert entry["filename"] == "one name.gcode.3mf"


# -- review ----------------------------------------------------------------------------------------------------------


def test_review_waits_for_approval(system: System, review: Printer) -> None:
    digest = send(system, review, "judge me.gcode.3mf", threemf.sliced(seed=10))
    upload = await_pending(system, digest)
    assert not system.archived(digest)
    system.api.post(f"pending/{upload['id']}/approve", {"to": "archive"})
    system.await_archived(digest)
    assert not pending(system, digest)


def test_an_approved_upload_may_go_to_the_queue(system: System, review: Printer) -> None:
    digest = send(system, review, "print me.gcode.3mf", threemf.sliced(Plate(1), Plate(2), seed=11))
    system.api.post(f"pending/{await_pending(system, digest)['id']}/approve", {"to": "queue"})
    (entry,) = system.await_archived(digest)
    assert [item["plate"] for item in queued(system, entry["id"])] == [1, 2]


def test_a_discarded_upload_is_out_of_sight_and_can_be_restored(system: System, review: Printer) -> None:
    digest = send(system, review, "drop me.gcode.3mf", threemf.sliced(seed=12))
    upload = await_pending(system, digest)
    system.api.post(f"pending/{upload['id']}/discard")
    assert not pending(system, digest)
    assert not system.archived(digest)
    system.api.post(f"pending/{upload['id']}/restore")
    assert [item["id"] for item in pending(system, digest)] == [upload["id"]]


# -- queue -----------------------------------------------------------------------------------------------------------


def test_queue_archives_and_queues_every_plate_unassigned(system: System, queue: Printer) -> None:
    content = threemf.sliced(Plate(1, name="left"), Plate(2, name="right"), seed=20)
    (entry,) = system.await_archived(send(system, queue, "two plates.gcode.3mf", content))
    assert [(plate["name"], plate["seconds"]) for plate in entry["plates"]] == [("left", 3723), ("right", 3723)]
    items = queued(system, entry["id"])
    assert [item["plate"] for item in items] == [1, 2]
    assert all(item["printer_id"] is None for item in items)


@pytest.mark.parametrize("profile", [STUDIO_27, STUDIO_OLD], ids=lambda profile: profile.name)
def test_the_slicers_options_reach_the_queue_in_either_order(system: System, queue: Printer, profile: Profile) -> None:
    content = threemf.sliced(seed=21 + PROFILES.index(profile))
    (entry,) = system.await_archived(print_file(system, queue, f"{profile.name}.gcode.3mf", content, profile))
    wait_for(lambda: any(item["options"] for item in queued(system, entry["id"])), "the slicer's options")
    (item,) = queued(system, entry["id"])
    assert item["plate"] == 1
    assert item["options"]["bed_type"] == "textured_plate"


# -- no trace --------------------------------------------------------------------------------------------------------


def probe(system: System, printer: Printer, profile: Profile) -> set[str]:
    """Upload verify_job as a slicer does; returns the states that the printer shows then."""
    with system.slicer(printer, profile) as slicer:
        slicer.add()
        slicer.connect()
        slicer.upload("verify_job", b"just a test file")
        slicer.await_pushes(2)
        return {state for state, _, _ in slicer.device.states}


@pytest.mark.parametrize("mode", ["immediate", "review", "queue"])
def test_verify_job_leaves_no_trace(system: System, mode: str) -> None:
    printer = system.new_printer(mode=mode, name="Probe")
    system.await_quiet()
    blobs = system.blobs()
    kept = {path: len(system.api.items(path)) for path in ("archive", "pending", "queue")}
    with ThreadPoolExecutor(len(PROFILES)) as pool:
        for states in pool.map(partial(probe, system, printer), PROFILES):
            assert states == {"IDLE"}
    assert system.blobs() == blobs
    assert not system.leftovers()
    assert {path: len(system.api.items(path)) for path in kept} == kept
    assert not [path for path in (system.data / "ftps" / printer.id).rglob("*") if path.is_file()]
    system.remove(printer)


@pytest.mark.parametrize(
    ("what", "content"),
    [("cut off", threemf.truncated(threemf.sliced(seed=30, padding=30_000))), ("empty", b""), ("no ZIP", b"x" * 5000)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refused_file_leaves_no_trace(system: System, printer: Printer, what: str, content: bytes) -> None:
    before = system.blobs()
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        with pytest.raises(Blocked) as stopped:
            slicer.send(f"{what}.gcode.3mf", content)
    assert stopped.value.gate is Gate.UPLOAD
    system.await_quiet()
    assert system.blobs() == before
    assert not system.archived(sha256(content).hexdigest())
