"""Printers that slicers cannot use: fake peers show what a real system is hard to bring to."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest

from tests.common.printers import CODE, SERIAL
from tests.control.doctor.peers import ADDRESS, Identity, Talk, case, data_at, ftp_server, peer, silence
from vprinter_common.probe.ports import SlicerPorts
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import printer_server_context
from vprinter_common.wire import ssdp
from vprinter_common.wire.detect import Identity as Who
from vprinter_common.wire.detect import detect_reply
from vprinter_common.wire.mqtt import ConnectRequested, Published, ServerSession
from vprinter_common.wire.mqtt_packets import ConnectCode
from vprinter_common.wire.report import dumps, ip_as_u32_le
from vprinter_control.doctor import announced
from vprinter_control.doctor.conversation import Conversation
from vprinter_control.doctor.diagnose import in_turn
from vprinter_control.doctor.sending import Sending
from vprinter_control.doctor.steps import Fault, Finding, Step, Verdict
from vprinter_control.doctor.tls import certificate

STATUS = {
    "command": "push_status",
    "msg": 0,
    "gcode_state": "IDLE",
    "gcode_file": "",
    "subtask_name": "",
    "mc_percent": 0,
    "mc_remaining_time": 0,
    "print_error": 0,
    "stg_cur": -1,
    "sdcard": True,
    "home_flag": 256,
    "upgrade_state": {},
    "nozzle_diameter": "0.4",
    "net": {"info": [{"ip": ip_as_u32_le(ADDRESS)}]},
}
VERSION = {"command": "get_version", "module": [{"name": "ota", "sw_ver": "01.09.00.01"}]}


def mqtt_server(
    status: dict[str, Any],
    *,
    version: dict[str, Any] = VERSION,
    verdict: ConnectCode | None = None,
    form: Callable[[Any], bytes] = dumps,
) -> Talk:
    """A printer that reports this, or refuses with this code."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = ServerSession()
        while data := await reader.read(4096):
            session.receive_data(data)
            while events := session.events_received():
                for event in events:
                    match event:
                        case ConnectRequested() if verdict is None:
                            session.accept()
                        case ConnectRequested():
                            session.refuse(verdict or ConnectCode.ACCEPTED)
                        case Published():
                            for part in ({"print": status}, {"info": version}):
                                session.publish(f"device/{SERIAL}/report", form(part))
            writer.write(session.data_to_send())
            await writer.drain()
            if session.should_close:
                return

    return talk


async def mqtt_steps(identity: Identity, talk: Talk) -> dict[Step, Finding]:
    """What the doctor finds at such a printer."""
    context = printer_server_context(identity.leaf.chain_pem, identity.leaf.key_pem)
    async with peer(talk, context) as port, AsyncExitStack() as stack:
        steps = Conversation(case(identity, ports=SlicerPorts(mqtt_port=port)), stack).steps
        return {result.step: result.finding for result in await in_turn(steps)}


async def ftps_steps(identity: Identity, talk: Talk, **more: Any) -> dict[Step, Finding]:
    """The same for FTPS."""
    async with peer(talk, identity.context()) as port, AsyncExitStack() as stack:
        steps = Sending(case(identity, ports=SlicerPorts(ftps_port=port), **more), stack).steps
        return {result.step: result.finding for result in await in_turn(steps)}


# -- MQTT --------------------------------------------------------------------------------------------------------


async def test_a_report_that_slicers_can_use(identity: Identity) -> None:
    found = await mqtt_steps(identity, mqtt_server(STATUS))
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}, found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sdcard": False}, "memory card"),
        ({"home_flag": 0}, "storage state 0"),
        ({"aux": "3000"}, "aux says storage state 3"),
        ({"aux": "z"}, "not hexadecimal"),
        ({"mc_percent": "0"}, "mc_percent"),
        ({"print_error": True}, "print_error"),
        ({"gcode_state": None}, "gcode_state is missing"),
        ({"net": {"info": [{"ip": 0}, {"ip": ip_as_u32_le("192.0.2.9")}]}}, "leads slicers to 192.0.2.9"),
        ({"net": {"info": [{"ip": -5}]}}, "net.info"),
    ],
)
async def test_a_report_at_which_slicers_stop(identity: Identity, changes: dict[str, Any], says: str) -> None:
    found = await mqtt_steps(identity, mqtt_server(STATUS | changes))
    assert found[Step.MQTT_REPORT].fault is Fault.REPORT_WRONG
    assert says in found[Step.MQTT_REPORT].detail


async def test_a_report_in_the_wrong_form_and_a_printer_without_firmware(identity: Identity) -> None:
    compact = await mqtt_steps(identity, mqtt_server(STATUS, form=lambda part: json.dumps(part).encode()))
    assert "indented" in compact[Step.MQTT_REPORT].detail
    for modules in ([], [{"name": "esp32", "sw_ver": "1"}], "none"):
        found = await mqtt_steps(identity, mqtt_server(STATUS, version=VERSION | {"module": modules}))
        assert found[Step.MQTT_REPORT].fault is Fault.REPORT_WRONG


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (ConnectCode.NOT_AUTHORISED, Fault.CODE_REFUSED),
        (ConnectCode.SERVER_UNAVAILABLE, Fault.BRAKED),
        (ConnectCode.UNACCEPTABLE_PROTOCOL, Fault.DENIED),
    ],
)
async def test_a_refused_login(identity: Identity, code: ConnectCode, fault: Fault) -> None:
    found = await mqtt_steps(identity, mqtt_server(STATUS, verdict=code))
    assert found[Step.MQTT_LOGIN].fault is fault
    assert CODE not in found[Step.MQTT_LOGIN].detail
    assert found[Step.MQTT_REPORT].verdict is (Verdict.SKIPPED if fault is not Fault.BRAKED else Verdict.FAILED)


async def test_a_printer_that_says_nothing_or_something_else(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vprinter_common.probe.mqtt.ANSWER_WITHIN", 0.2)
    assert (await mqtt_steps(identity, silence))[Step.MQTT_LOGIN].fault is Fault.SILENT

    async def web_server(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)

    assert (await mqtt_steps(identity, web_server))[Step.MQTT_LOGIN].fault in (Fault.GARBAGE, Fault.SILENT)


async def test_a_printer_without_a_code(identity: Identity) -> None:
    async with peer(silence, identity.context()) as port, AsyncExitStack() as stack:
        steps = Conversation(case(identity, ports=SlicerPorts(mqtt_port=port), spec={"access_codes": []}), stack).steps
        found = {result.step: result.finding for result in await in_turn(steps)}
    assert found[Step.MQTT_LOGIN].fault is Fault.NO_CODE


# -- TLS ---------------------------------------------------------------------------------------------------------


async def judged(identity: Identity, context: ssl.SSLContext | None, *, version: str | None = None) -> Finding:
    async with peer(silence, context) as port:
        sick = case(identity)
        return await certificate(sick, sick.place(port), "ftps", version=version)


async def test_tls_1_3_in_front_of_ftps_is_found(identity: Identity) -> None:
    context = printer_server_context(identity.leaf.chain_pem, identity.leaf.key_pem)
    finding = await judged(identity, context, version="TLSv1.2")
    assert finding.fault is Fault.TLS_TOO_NEW
    assert "TLSv1.3" in finding.detail


async def test_a_server_without_plain_rsa_is_found(identity: Identity) -> None:
    context = printer_server_context(identity.leaf.chain_pem, identity.leaf.key_pem)
    context.set_ciphers("ECDHE+AESGCM")
    assert (await judged(identity, context)).fault is Fault.NO_PLAIN_RSA


async def test_no_tls_at_all_is_found(identity: Identity) -> None:
    async def chatter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 plain ftp\r\n")

    async with peer(chatter) as port:
        sick = case(identity)
        finding = await certificate(sick, sick.place(port), "ftps")
    assert finding.fault is Fault.NOT_TLS


async def test_a_port_that_swallows_everything_is_found(identity: Identity) -> None:
    with socket.socket() as full:
        full.bind((ADDRESS, 0))
        full.listen(0)
        waiting = []
        for _ in range(3):  # the kernel takes no more connections than these
            one = socket.socket()
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(full.getsockname())
            waiting.append(one)
        sick = case(identity)
        finding = await certificate(sick, sick.place(full.getsockname()[1]), "ftps")
        for one in waiting:
            one.close()
    assert finding.fault in (Fault.UNREACHABLE, Fault.SILENT)


# -- FTPS --------------------------------------------------------------------------------------------------------


def only(port: int) -> dict[str, Any]:
    """A printer with this one passive port."""
    return {"passive_ports": {"low": port, "high": port}}


async def test_a_passive_port_behind_a_firewall_is_found(identity: Identity) -> None:
    with socket.socket() as closed:
        closed.bind((ADDRESS, 0))  # and does not listen; nobody else can meanwhile
        found = await ftps_steps(identity, ftp_server(**data_at(int(closed.getsockname()[1]))))
    assert found[Step.FTPS_LOGIN].verdict is Verdict.OK
    assert found[Step.PASSIVE].fault is Fault.PASSIVE_BLOCKED
    assert (found[Step.PASSIVE].values["low"], found[Step.PASSIVE].values["high"]) == (50000, 50100)
    assert found[Step.UPLOAD].verdict is Verdict.SKIPPED


async def test_passive_ports_that_are_translated_on_the_way_are_found(identity: Identity) -> None:
    async with peer(silence) as data:
        found = await ftps_steps(identity, ftp_server(**data_at(data)))
    assert found[Step.PASSIVE].fault is Fault.PASSIVE_OUTSIDE
    assert f"port {data}, outside of 50000-50100" in found[Step.PASSIVE].detail


async def test_pasv_with_a_foreign_address_is_found(identity: Identity) -> None:
    async with peer(silence) as data:
        found = await ftps_steps(identity, ftp_server(**data_at(data, "10.9.8.7")), spec=only(data))
    assert found[Step.PASSIVE].fault is Fault.PASSIVE_ADDRESS
    assert "PASV tells 10.9.8.7" in found[Step.PASSIVE].detail


async def test_a_server_that_gives_no_data_port_or_none_that_can_be_understood(identity: Identity) -> None:
    found = await ftps_steps(identity, ftp_server(EPSV=b"425 no free passive port\r\n"))
    assert found[Step.PASSIVE].fault is Fault.PASSIVE_NONE
    found = await ftps_steps(identity, ftp_server(EPSV=b"229 somewhere\r\n"))
    assert found[Step.PASSIVE].fault is Fault.GARBAGE


async def test_a_refused_upload(identity: Identity) -> None:
    async with peer(silence) as data:
        full = ftp_server(**data_at(data), STOR=b"452 no room\r\n")
        found = await ftps_steps(identity, full, spec=only(data))
    assert found[Step.VERIFY_JOB].fault is Fault.STORE_REFUSED
    assert "452 no room" in found[Step.VERIFY_JOB].detail


@pytest.mark.parametrize(
    ("answer", "fault"),
    [(b"530 wrong access code\r\n", Fault.CODE_REFUSED), (b"530 too many failed logins\r\n", Fault.BRAKED)],
)
async def test_a_refused_code(identity: Identity, answer: bytes, fault: Fault) -> None:
    found = await ftps_steps(identity, ftp_server(PASS=answer))
    assert found[Step.FTPS_LOGIN].fault is fault
    assert CODE not in found[Step.FTPS_LOGIN].detail


async def test_something_else_than_ftp(identity: Identity) -> None:
    async def chatter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-dropbear\r\n")

    assert (await ftps_steps(identity, chatter))[Step.FTPS_LOGIN].fault is Fault.GARBAGE


# -- detect and announcements ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "fault"),
    [
        (Who(SERIAL, "BL-P001", "Desk", "1"), None),
        (Who("00M00A000000000", "BL-P001", "Other", "1"), Fault.OTHER_PRINTER),
        (Who(SERIAL, "BL-P001", "Desk", "1", bind="occupied"), Fault.BOUND_ELSEWHERE),
    ],
)
async def test_who_answers_detect(identity: Identity, who: Who, fault: Fault | None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(detect_reply(who))

    async with peer(answer) as port:
        assert (await announced.detect(case(ports=SlicerPorts(detect_port=port)))).fault is fault
    async with peer(answer, identity.context()) as port:
        assert (await announced.detect_tls(case(identity, ports=SlicerPorts(detect_tls_port=port)))).fault is fault


async def test_a_printer_that_hangs_up_on_detect() -> None:
    async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with peer(hang_up) as port:
        assert (await announced.detect(case(ports=SlicerPorts(detect_port=port)))).fault is Fault.SILENT


@asynccontextmanager
async def on_air(datagram: bytes) -> AsyncIterator[int]:
    """Somebody announces this all the time, on a port of the test's own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as radio:
        radio.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        radio.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        radio.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        radio.bind((ADDRESS, 0))
        port = int(radio.getsockname()[1])

        async def announce() -> None:
            while True:
                radio.sendto(datagram, ("127.255.255.255", port))
                await asyncio.sleep(0.02)

        async with TaskSet("radio") as tasks:
            tasks.spawn(announce(), "announce")
            yield port


def saying(**changes: str) -> bytes:
    said = {"location": ADDRESS, "serial": SERIAL, "model": "BL-P001", "name": "Desk", "version": "1", **changes}
    return ssdp.notify_alive(ssdp.Announcement(**said))


@pytest.mark.parametrize(
    ("datagram", "fault", "says"),
    [
        (saying(), None, f"Desk, BL-P001, at {ADDRESS}"),
        (saying(location="127.0.0.9"), Fault.SSDP_WRONG, "announced at 127.0.0.9"),
        (saying(bind="occupied"), Fault.SSDP_WRONG, "bind=occupied"),
        (saying(serial="another"), Fault.SSDP_SILENT, "no announcement"),
    ],
)
async def test_what_is_heard(monkeypatch: pytest.MonkeyPatch, datagram: bytes, fault: Fault | None, says: str) -> None:
    monkeypatch.setattr(announced, "ANSWER_WITHIN", 0.1)
    if fault is Fault.SSDP_SILENT:
        monkeypatch.setattr(announced, "HEAR_WITHIN", 0.3)
    async with on_air(datagram) as port:
        finding = await announced.announced(case(ports=SlicerPorts(ssdp_port=port)))
    assert finding.fault is fault
    assert says in finding.detail


async def test_a_printer_that_only_answers_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced, "HEAR_WITHIN", 0.1)
    monkeypatch.setattr(announced, "ANSWER_WITHIN", 20.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as printer:
        printer.setblocking(False)
        printer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        printer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        printer.bind((ADDRESS, 0))
        loop = asyncio.get_running_loop()

        async def answer() -> None:
            datagram, asker = await loop.sock_recvfrom(printer, 4096)
            assert ssdp.parse(datagram) == ssdp.Search()
            said = ssdp.Announcement(ADDRESS, SERIAL, "BL-P001", "Desk", "1")
            await loop.sock_sendto(printer, ssdp.search_response(said), asker)

        async with TaskSet("printer") as tasks:
            tasks.spawn(answer(), "answer")
            port = int(printer.getsockname()[1])
            finding = await announced.announced(case(ports=SlicerPorts(ssdp_port=port)))
    assert finding.fault is Fault.SSDP_ANSWERS_ONLY


async def test_a_port_that_somebody_has_for_himself_and_a_network_out_of_hearing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as selfish:
        selfish.bind(("0.0.0.0", 0))
        finding = await announced.announced(case(ports=SlicerPorts(ssdp_port=selfish.getsockname()[1])))
    assert finding.fault is Fault.SSDP_PORT
    far = case(address="192.0.2.50", spec={"advertise": "192.0.2.50"})
    assert (await announced.announced(far)).verdict is Verdict.SKIPPED


# -- order and time ----------------------------------------------------------------------------------------------


async def test_a_step_that_never_ends_is_given_up_and_what_needs_it_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vprinter_control.doctor.diagnose.STEP_WITHIN", 0.05)

    async def never() -> Finding:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    endless, after = await in_turn(((Step.MQTT_TLS, never), (Step.MQTT_LOGIN, never)))
    assert (endless.finding.fault, after.finding.verdict) == (Fault.SILENT, Verdict.SKIPPED)
    assert Step.MQTT_TLS.label in after.finding.detail
