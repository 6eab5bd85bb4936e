"""What slicers may do with a real printer, and what is told of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.proxy.mqtt_ends import REQUEST, SERIAL, FakePrinter, FakeSlicer, slicer
from tests.proxy.rig import TARGET, Rig
from tests.proxy.test_mqtt_sessions import PROXY, relayed
from vprinter_common.contracts.facts import CommandOutcome, CommandRelayed, JobRequested
from vprinter_common.metrics import declared
from vprinter_common.wire.commands import COMMANDS, Kind
from vprinter_common.wire.mqtt_packets import Puback
from vprinter_proxy import audit
from vprinter_proxy.mqtt.closed import Closed


def commands(*kinds: Kind) -> list[str]:
    return [f"{section}.{name}" for section, table in COMMANDS.items() for name, kind in table.items() if kind in kinds]


def request(command: str, sequence: str = "20003", **fields: object) -> bytes:
    section, name = command.split(".")
    return json.dumps({section: {"sequence_id": sequence, "command": name, **fields}}, indent=4).encode()


@asynccontextmanager
async def shared(allow: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Rig, FakePrinter, FakeSlicer]]:
    """A printer whose proxy allows this much, and a slicer that listens."""
    monkeypatch.setattr(audit, "BURST", 1_000)
    printer = FakePrinter()
    async with relayed(printer, relay={"allow": allow}) as (rig, port), slicer(PROXY, port) as client:
        await client.listen()
        yield rig, printer, client


def told(rig: Rig) -> list[CommandRelayed]:
    return [fact for fact in rig.bus.facts if isinstance(fact, CommandRelayed)]


async def test_with_view_only_each_command_that_changes_something_is_refused_while_status_flows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changing = [*commands(Kind.FILES, Kind.CONTROL), "print.never_heard_of", "liveview.init"]
    async with shared("view", monkeypatch) as (rig, printer, client):
        for number, command in enumerate(changing):
            client.ask(request(command, str(number)), qos=1, packet_id=number + 1)
            assert await client.next() == Puback(number + 1), command
            answer = await client.message()
            section, name = command.split(".")
            assert answer.topic == f"device/{SERIAL}/report"
            assert json.loads(answer.payload) == {
                section: {
                    "command": name,
                    "sequence_id": str(number),
                    "result": "fail",
                    "reason": "this printer is shared for viewing only",
                }
            }
            printer.session.say(b'{"print": {"command": "push_status"}}')
            assert (await client.message()).payload == b'{"print": {"command": "push_status"}}'
        assert printer.heard == []
        await rig.until(lambda: len(told(rig)) == len(changing))
        assert [fact.command for fact in told(rig)] == changing
        assert {fact.outcome for fact in told(rig)} == {CommandOutcome.REFUSED}
        assert rig.metric("vprinter_proxy_commands_total", outcome="refused") == len(changing)
        assert rig.metric("vprinter_proxy_commands_total", command="other", outcome="refused") == 2
        (session,) = rig.serving.sessions.values()
        assert session.last_command == ""
        fact = told(rig)[0]
        assert (fact.printer, fact.target, fact.session) == ("p1", TARGET["id"], session.id)


@pytest.mark.parametrize("allow", ["view", "files", "control"])
async def test_questions_always_pass_and_leave_no_fact(allow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = commands(Kind.VIEW)
    async with shared(allow, monkeypatch) as (rig, printer, client):
        for number, command in enumerate(questions):
            client.ask(request(command), qos=1, packet_id=number + 1)
            assert await client.next() == Puback(number + 1)
        assert printer.heard == [(REQUEST, request(command)) for command in questions]
        assert told(rig) == []
        assert rig.metric("vprinter_proxy_commands_total", outcome="passed") == len(questions)


async def test_with_full_control_every_command_passes_and_those_that_change_something_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changing = commands(Kind.FILES, Kind.CONTROL)
    async with shared("control", monkeypatch) as (rig, printer, client):
        for number, command in enumerate(changing):
            client.ask(request(command), qos=1, packet_id=number + 1)
            assert await client.next() == Puback(number + 1)
        assert printer.heard == [(REQUEST, request(command)) for command in changing]
        await rig.until(lambda: len(told(rig)) == len(changing))
        assert [(fact.command, fact.outcome) for fact in told(rig)] == [
            (command, CommandOutcome.PASSED) for command in changing
        ]


async def test_with_files_allowed_no_print_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shared("files", monkeypatch) as (rig, printer, client):
        delete = request("camera.ipcam_delete_oldest_timelapse")
        client.ask(delete, qos=1)
        assert await client.next() == Puback(5)
        client.ask(request("print.project_file", file="benchy.gcode.3mf", url="https://x/?token=secret"))
        refused = json.loads((await client.message()).payload)["print"]
        assert (refused["command"], refused["result"]) == ("project_file", "fail")
        assert printer.heard == [(REQUEST, delete)]
        await rig.until(lambda: len(told(rig)) == 2)
        assert [(fact.command, fact.detail, fact.outcome) for fact in told(rig)] == [
            ("camera.ipcam_delete_oldest_timelapse", "", CommandOutcome.PASSED),
            ("print.project_file", "benchy.gcode.3mf", CommandOutcome.REFUSED),
        ]


async def test_a_print_that_was_passed_on_is_a_job_with_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shared("control", monkeypatch) as (rig, _, client):
        client.ask(
            request(
                "print.project_file",
                file="benchy.gcode.3mf",
                subtask_name="benchy",
                param="Metadata/plate_2.gcode",
                use_ams=True,
                ams_mapping=[0, -1],
            )
        )
        client.ask(request("print.gcode_file", param="/cache/cube.gcode"))
        client.ask(request("print.project_file"))
        await rig.until(lambda: len(told(rig)) == 3)
        jobs = [fact for fact in rig.bus.facts if isinstance(fact, JobRequested)]
        assert [(job.filename, job.subtask_name, job.plate) for job in jobs] == [
            ("benchy.gcode.3mf", "benchy", 2),
            ("cube.gcode", "", None),
        ]
        assert jobs[0].options == {"use_ams": 1, "ams_mapping": [0, -1]}
        assert [fact.detail for fact in told(rig)] == ["benchy.gcode.3mf", "cube.gcode", ""]


async def test_a_signed_frame_and_one_with_several_sections_are_refused_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shared("view", monkeypatch) as (rig, printer, client):
        frame = {
            "pushing": {"command": "pushall", "sequence_id": "1"},
            "print": {"command": "pause", "sequence_id": "2"},
            "header": {"sign_ver": "v1.0", "sign_string": "x"},
        }
        client.ask(json.dumps(frame).encode())
        answer = json.loads((await client.message()).payload)
        assert {section: body["result"] for section, body in answer.items()} == {"pushing": "fail", "print": "fail"}
        assert printer.heard == []
        await rig.until(lambda: len(told(rig)) == 2)


def test_the_declared_reasons_for_an_end_are_those_that_there_are() -> None:
    reason = next(label for label in declared.PROXY_CLOSED.labels if label.name == "reason")
    assert reason.values == set(Closed)
