"""Facts that control takes: where files go, what is taken twice, what is joined with what."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.control.harness import NOON, Api, Parts, requested, stored
from tests.simulators import threemf
from tests.simulators.threemf import Plate
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import AuthFailed, FailureReason, TlsFailed, UploadFailed
from vprinter_common.contracts.printer import Mode

CUBE = threemf.sliced()
TWO_PLATES = threemf.sliced(Plate(1), Plate(3))


def after(seconds: float) -> dict[str, Any]:
    """A time after noon."""
    return {"at": NOON + timedelta(seconds=seconds)}


# -- where files go ----------------------------------------------------------------------------------------------


async def test_immediate_archives(api: Api, parts: Parts) -> None:
    sha = parts.keep(CUBE)
    await parts.take(stored(CUBE, owner="Ann"))
    (item,) = await api.items(f"archive?sha256={sha}")
    assert (item["filename"], item["name"], item["size"]) == ("cube.gcode.3mf", "cube", len(CUBE))
    assert (item["virtual_printer_id"], item["client"], item["owner"]) == ("printer", "192.0.2.200", "Ann")
    assert [plate["index"] for plate in item["plates"]] == [1]
    assert (item["reader_error"], item["job"], item["project_id"]) == (None, None, None)
    assert await api.items("pending") == await api.items("queue") == []


async def test_review_waits(api: Api, parts: Parts) -> None:
    parts.keep(CUBE)
    await parts.take(stored(CUBE, mode=Mode.REVIEW))
    (item,) = await api.items("pending")
    assert item["mode"] == "review"
    assert await api.items("archive") == await api.items("queue") == []


async def test_queue_archives_and_queues_each_plate(api: Api, parts: Parts) -> None:
    parts.keep(TWO_PLATES)
    await parts.take(stored(TWO_PLATES, mode=Mode.QUEUE))
    (item,) = await api.items("archive")
    queued = await api.items("queue")
    assert [(one["archive_id"], one["plate"], one["position"]) for one in queued] == [
        (item["id"], 1, 1),
        (item["id"], 3, 2),
    ]
    assert all(one["printer_id"] is None and not one["hold"] for one in queued)


async def test_two_files_of_one_name_are_two_entries(api: Api, parts: Parts) -> None:
    other = threemf.sliced(seed=1)
    for content in (CUBE, other):
        parts.keep(content)
        await parts.take(stored(content))
    assert len({item["sha256"] for item in await api.items("archive")}) == 2


async def test_the_same_bytes_twice_are_one_blob_and_two_items(api: Api, parts: Parts) -> None:
    sha = parts.keep(CUBE)
    for _ in range(2):
        await parts.take(stored(CUBE))
    assert len(await api.items(f"archive?sha256={sha}")) == 2
    assert list(parts.blobs.hashes()) == [sha]


async def test_a_file_that_defeats_the_reader_is_archived_with_the_reason(api: Api, parts: Parts) -> None:
    content = threemf.with_entities()
    parts.keep(content)
    await parts.take(stored(content))
    (item,) = await api.items("archive")
    assert "slice_info" in item["reader_error"]
    assert [plate["index"] for plate in item["plates"]] == [1]


async def test_a_missing_file_is_shown_loudly(api: Api, parts: Parts) -> None:
    await parts.take(stored(CUBE))
    (item,) = await api.items("archive")
    assert "missing" in item["reader_error"]
    assert "file.missing" in await api.events()
    answer = await api("GET", f"archive/{item['id']}/file")
    assert (answer.status, answer.code) == (410, "file_missing")


# -- at least once -----------------------------------------------------------------------------------------------


async def test_a_fact_that_comes_again_changes_nothing(api: Api, parts: Parts) -> None:
    parts.keep(TWO_PLATES)
    fact, job = stored(TWO_PLATES, mode=Mode.QUEUE), requested()
    for _ in range(3):
        await parts.take(fact)
        await parts.take(job)
    assert len(await api.items("archive")) == 1
    assert len(await api.items("queue")) == 2
    assert (await api.events()).count("archive.added") == 1


async def test_a_fact_comes_back_to_nothing_that_was_deleted(api: Api, parts: Parts) -> None:
    parts.keep(CUBE)
    fact = stored(CUBE)
    await parts.take(fact)
    await api.delete(f"archive/{fact.upload}")
    await parts.take(fact)
    assert await api.items("archive") == []


async def test_a_commit_that_fails_leaves_nothing_and_the_next_delivery_takes_it(api: Api, parts: Parts) -> None:
    parts.keep(TWO_PLATES)
    fact = stored(TWO_PLATES, mode=Mode.QUEUE)
    engine = parts.database.engine.sync_engine

    def crash(_connection: object) -> None:
        raise RuntimeError("killed before the commit")

    event.listen(engine, "commit", crash)
    with pytest.raises(RuntimeError, match="killed"):
        await parts.take(fact)
    event.remove(engine, "commit", crash)
    assert parts.ingest.problem() is not None
    assert await api.items("archive") == await api.items("queue") == []
    await parts.take(fact)
    assert parts.ingest.problem() is None
    assert len(await api.items("queue")) == 2


# -- Send and Print ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job_first", [True, False])
async def test_job_and_upload_find_each_other_in_either_order(api: Api, parts: Parts, job_first: bool) -> None:
    parts.keep(TWO_PLATES)
    upload, job = stored(TWO_PLATES, mode=Mode.QUEUE, **after(5)), requested(plate=3, **after(2))
    for fact in (job, upload) if job_first else (upload, job):
        await parts.take(fact)
    (item,) = await api.items("archive")
    assert item["job"]["id"] == job.job
    assert item["job"]["options"] == {"bed_type": "textured_plate"}
    one, three = await api.items("queue")
    assert one["options"] == {}
    assert three["options"] == {"bed_type": "textured_plate"}
    assert three["job_id"] == job.job


@pytest.mark.parametrize(
    "other",
    [{"filename": "ball.gcode.3mf"}, {"printer": "another"}, after(31), after(-31)],
    ids=["another name", "another printer", "too late", "too early"],
)
async def test_what_does_not_belong_together_stays_apart(api: Api, parts: Parts, other: dict[str, Any]) -> None:
    parts.keep(CUBE)
    await parts.take(stored(CUBE, mode=Mode.QUEUE))
    await parts.take(requested(**other))
    (item,) = await api.items("archive")
    assert item["job"] is None


async def test_two_slicers_with_one_file_name_keep_their_own_jobs(api: Api, parts: Parts) -> None:
    """Whatever comes first takes what is there, and gives it back to its owner."""
    contents = {"192.0.2.1": threemf.sliced(seed=1), "192.0.2.2": threemf.sliced(seed=2)}
    facts = [
        requested(client="192.0.2.1", options={"bed_type": "first"}, **after(0)),
        stored(contents["192.0.2.2"], client="192.0.2.2", mode=Mode.QUEUE, **after(1)),
        requested(client="192.0.2.2", options={"bed_type": "second"}, **after(9)),
        stored(contents["192.0.2.1"], client="192.0.2.1", mode=Mode.QUEUE, **after(10)),
    ]
    for content in contents.values():
        parts.keep(content)
    for fact in facts:
        await parts.take(fact)
    archived = {item["id"]: item for item in await api.items("archive")}
    for item in archived.values():
        assert item["job"]["client"] == item["client"]
    for queued in await api.items("queue"):
        wanted = "first" if archived[queued["archive_id"]]["client"] == "192.0.2.1" else "second"
        assert queued["options"] == {"bed_type": wanted}


async def test_a_job_that_found_a_better_file_leaves_no_stamp_behind(api: Api, parts: Parts) -> None:
    foreign, own = threemf.sliced(seed=1), threemf.sliced(seed=2)
    for content in (foreign, own):
        parts.keep(content)
    upload = stored(foreign, client="192.0.2.9", mode=Mode.QUEUE)
    await parts.take(upload)
    await parts.take(requested(client="192.0.2.1", **after(1)))
    await parts.take(stored(own, client="192.0.2.1", mode=Mode.QUEUE, **after(2)))
    options = {item["archive_id"]: item["options"] for item in await api.items("queue")}
    assert options.pop(upload.upload) == {}
    assert list(options.values()) == [{"bed_type": "textured_plate"}]


async def test_a_late_job_leaves_a_started_item_alone(api: Api, parts: Parts) -> None:
    from sqlalchemy import update  # noqa: PLC0415 - only here

    from vprinter_control.store.schema import QueueItem  # noqa: PLC0415

    parts.keep(TWO_PLATES)
    await parts.take(stored(TWO_PLATES, mode=Mode.QUEUE))
    async with parts.database.write() as session:
        await session.execute(update(QueueItem).where(QueueItem.plate == 1).values(started_at=NOON))
    await parts.take(requested(plate=None, **after(20)))
    started, waiting = await api.items("queue")
    assert (started["options"], waiting["options"]) == ({}, {"bed_type": "textured_plate"})


async def test_an_approved_upload_is_queued_with_its_job(api: Api, parts: Parts) -> None:
    parts.keep(CUBE)
    fact = stored(CUBE, mode=Mode.REVIEW)
    await parts.take(requested())
    await parts.take(fact)
    await api.post(f"pending/{fact.upload}/approve", {"to": "queue"})
    (queued,) = await api.items("queue")
    assert queued["options"] == {"bed_type": "textured_plate"}


# -- the other facts ---------------------------------------------------------------------------------------------


async def test_failures_become_events(api: Api, parts: Parts) -> None:
    about = {"printer": "printer", "client": "192.0.2.200"}
    await parts.take(
        UploadFailed(upload="u", filename="cube.gcode.3mf", reason=FailureReason.DISK_FULL, detail="full", **about)
    )
    await parts.take(AuthFailed(service="ftps", node="n", reason="wrong access code", **about))
    await parts.take(TlsFailed(service="mqtt", listener="mqtt", reason="unknown_ca", **about))
    assert (await api.events())[-3:] == ["upload.failed", "auth.failed", "tls.failed"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [("upload.stored", b"{"), ("upload.stored", b'{"upload": "../x"}'), ("upload.teleported", b"{}"), ("", b"\xff")],
)
async def test_an_unreadable_fact_is_shown_and_not_repeated(api: Api, parts: Parts, kind: str, data: bytes) -> None:
    await parts.ingest.take(subjects.fact(kind), data)
    assert (await api.events())[-1] == "fact.unreadable"
    assert parts.ingest.problem() is None
