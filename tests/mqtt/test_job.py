"""The job machine: whatever happens, in whatever order, a slicer is never left waiting nor sent back to IDLE."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mqtt.playbook import an_upload
from vprinter_common.wire.project_file import ProjectFile, parse
from vprinter_mqtt.job import (
    BUSY,
    NEXT,
    PATIENCE_SECONDS,
    QUIET,
    RELEASE_SECONDS,
    SHOWN,
    Event,
    GcodeState,
    Job,
    Phase,
    percent_of,
)

MIB = 1 << 20


def states(job: Job) -> tuple[Phase, GcodeState]:
    return job.phase, job.view.gcode_state


def wish(filename: str = "cube.gcode.3mf", subtask_name: str = "my cube") -> ProjectFile:
    return parse({"file": filename, "subtask_name": subtask_name})


def test_every_phase_is_shown_and_is_either_quiet_or_busy() -> None:
    assert set(SHOWN) == set(Phase) == {*QUIET, *BUSY}
    assert {phase for phase in Phase if SHOWN[phase] is GcodeState.PREPARE} == set(BUSY)


def test_nothing_leads_back_to_idle() -> None:
    assert Phase.IDLE not in NEXT.values()


@pytest.mark.parametrize("phase", BUSY)
def test_no_busy_phase_is_without_a_way_out_by_time(phase: Phase) -> None:
    assert NEXT[phase, Event.DUE] is Phase.DONE


@pytest.mark.parametrize(
    ("received", "total", "percent"),
    [
        (0, 100, 0),
        (50, 100, 50),
        (100, 100, 99),
        (1000, 100, 99),
        (0, None, 0),
        (MIB - 1, None, 0),
        (MIB, None, 1),
        (98 * MIB, None, 98),
        (500 * MIB, None, 99),
        (3 * MIB, 0, 3),
    ],
)
def test_percent_is_of_the_size_or_a_hint_and_never_100_before_all_is_stored(
    received: int, total: int | None, percent: int
) -> None:
    assert percent_of(an_upload("progress", received=received, total=total)) == percent


def test_the_probe_and_other_files_change_nothing() -> None:
    job = Job()
    for filename in ("verify_job", "timelapse.mp4", "plain.gcode"):
        for phase in ("started", "progress", "stored", "failed"):
            job.on_upload(an_upload(phase, filename=filename), 0.0)
    assert job == Job()


def test_a_plain_gcode_file_counts_once_it_was_asked_for() -> None:
    job = Job()
    job.on_project_file(parse({"param": "/plain.gcode"}), stored=False, now=0.0)
    job.on_upload(an_upload("stored", filename="plain.gcode"), 10.0)
    assert job.view[:4] == (GcodeState.FINISH, 100, "plain.gcode", "plain")


def test_progress_renews_the_patience() -> None:
    job = Job()
    job.on_upload(an_upload("started"), 0.0)
    job.on_upload(an_upload("progress"), 100.0)
    job.on_time(PATIENCE_SECONDS)
    assert job.phase is Phase.RECEIVING
    job.on_time(100.0 + PATIENCE_SECONDS)
    assert job.view.gcode_state is GcodeState.FINISH
    assert job.deadline is None


def test_late_progress_does_not_wake_a_finished_upload() -> None:
    job = Job()
    job.on_upload(an_upload("stored"), 0.0)
    job.on_upload(an_upload("progress"), 0.1)
    assert job.phase is Phase.DONE


def test_an_upload_that_was_never_seen_to_start_cannot_fail() -> None:
    job = Job()
    job.on_upload(an_upload("failed"), 0.0)
    assert job.phase is Phase.IDLE


def test_an_upload_whose_start_was_missed_is_taken_up_by_its_progress() -> None:
    job = Job()
    job.on_upload(an_upload("progress", received=MIB), 0.0)
    assert job.view[:4] == (GcodeState.PREPARE, 1, "cube.gcode.3mf", "cube")


def test_a_new_upload_replaces_one_that_nobody_asked_to_print() -> None:
    job = Job()
    job.on_upload(an_upload("started", "u1", "one.3mf"), 0.0)
    job.on_upload(an_upload("progress", "u9", "nine.3mf"), 0.0)
    assert job.filename == "one.3mf"
    job.on_upload(an_upload("started", "u2", "two.3mf"), 1.0)
    job.on_upload(an_upload("failed", "u1", "one.3mf"), 1.0)
    assert job.view[:4] == (GcodeState.PREPARE, 0, "two.3mf", "two")


def test_another_file_does_not_disturb_the_one_that_is_to_be_printed() -> None:
    job = Job()
    job.on_project_file(wish(), stored=False, now=0.0)
    job.on_upload(an_upload("started", "u1"), 0.0)
    job.on_upload(an_upload("started", "u2", "other.3mf"), 0.0)
    job.on_upload(an_upload("stored", "u2", "other.3mf"), 0.0)
    assert (job.phase, job.upload) == (Phase.EXPECTED, "u1")
    job.on_upload(an_upload("started", "u3"), 0.0)
    assert job.upload == "u3"


def test_while_a_stored_file_is_released_other_files_wait_and_its_own_may_come_again() -> None:
    job = Job()
    job.on_project_file(wish(), stored=True, now=0.0)
    job.on_upload(an_upload("started", "u2", "other.3mf"), 0.5)
    assert states(job) == (Phase.RELEASING, GcodeState.PREPARE)
    job.on_upload(an_upload("started", "u1"), 0.5)
    assert states(job) == (Phase.EXPECTED, GcodeState.PREPARE)
    job.on_upload(an_upload("stored", "u1"), 60.0)
    assert job.view[:4] == (GcodeState.FINISH, 100, "cube.gcode.3mf", "my cube")


def test_the_release_is_not_before_prepare_could_be_seen() -> None:
    job = Job()
    job.on_project_file(wish(), stored=False, now=10.0)
    job.on_upload(an_upload("stored"), 10.1)
    assert states(job) == (Phase.RELEASING, GcodeState.PREPARE)
    assert job.deadline == 10.0 + RELEASE_SECONDS
    job.on_time(10.0 + RELEASE_SECONDS)
    assert states(job) == (Phase.DONE, GcodeState.FINISH)


def test_a_file_spelled_otherwise_is_still_the_one_awaited() -> None:
    job = Job()
    job.on_project_file(wish("Würfel.3mf", "Würfel"), stored=False, now=0.0)
    job.on_upload(an_upload("stored", filename="W_rfel.3mf"), 60.0)
    assert job.view[:4] == (GcodeState.FINISH, 100, "Würfel.3mf", "Würfel")


def test_an_asked_for_upload_that_breaks_is_failed() -> None:
    job = Job()
    job.on_project_file(wish(), stored=False, now=0.0)
    job.on_upload(an_upload("started"), 1.0)
    job.on_upload(an_upload("failed"), 2.0)
    assert job.view[:4] == (GcodeState.FAILED, 0, "cube.gcode.3mf", "my cube")
    assert job.deadline is None


def test_a_wish_without_a_name_is_shown_by_its_file() -> None:
    job = Job()
    job.on_project_file(wish(subtask_name=""), stored=True, now=0.0)
    assert job.view.subtask_name == "cube"


def test_a_wish_for_the_file_that_arrives_keeps_its_progress() -> None:
    job = Job()
    job.on_upload(an_upload("progress", received=40, total=100), 0.0)
    job.on_project_file(wish(), stored=True, now=1.0)
    assert job.phase is Phase.EXPECTED
    assert job.view[:4] == (GcodeState.PREPARE, 40, "cube.gcode.3mf", "my cube")


def test_a_wish_for_another_file_leaves_the_arriving_one_behind() -> None:
    job = Job()
    job.on_upload(an_upload("progress", received=40, total=100), 0.0)
    job.on_project_file(wish("other.3mf"), stored=False, now=1.0)
    assert (job.phase, job.percent, job.upload) == (Phase.AWAITING, 0, "")


@pytest.mark.parametrize("phase", QUIET)
def test_stop_and_time_change_nothing_where_nothing_waits(phase: Phase) -> None:
    job = Job(phase=phase)
    job.stop(0.0)
    job.on_time(1e9)
    assert job.phase is phase


uploads = st.builds(
    an_upload,
    st.sampled_from(["started", "progress", "stored", "failed"]),
    st.sampled_from(["u1", "u2", "u3"]),
    st.sampled_from(["a.3mf", "b.gcode.3mf", "verify_job", "c.gcode"]),
    received=st.integers(0, 1 << 40),
    total=st.none() | st.integers(0, 1 << 40),
)
wishes = st.builds(wish, st.sampled_from(["a.3mf", "b.gcode.3mf", "c.gcode"]), st.sampled_from(["", "a", "x"]))


@given(st.lists(st.tuples(st.floats(0, 300), uploads | wishes | st.booleans())))
def test_no_history_leads_back_to_idle_or_leaves_a_slicer_waiting(
    history: list[tuple[float, object]],
) -> None:
    job, now, left_idle = Job(), 0.0, False
    for wait, event in history:
        now += wait
        match event:
            case ProjectFile():
                job.on_project_file(event, stored=bool(len(event.filename) % 2), now=now)
            case True:
                job.stop(now)
            case False:
                job.on_time(now)
            case _:
                job.on_upload(event, now)  # type: ignore[arg-type]
        view = job.view
        left_idle = left_idle or view.gcode_state is not GcodeState.IDLE
        assert left_idle == (view.gcode_state is not GcodeState.IDLE)
        assert (job.deadline is not None) == (view.gcode_state is GcodeState.PREPARE)
        assert (view.percent == 100) >= (view.gcode_state is GcodeState.FINISH)
        if view.gcode_state in {GcodeState.IDLE, GcodeState.FAILED}:
            assert view.percent == 0
        assert bool(view.subtask_name) == bool(view.filename) == left_idle
    job.on_time(now + PATIENCE_SECONDS)
    assert job.view.gcode_state is not GcodeState.PREPARE
