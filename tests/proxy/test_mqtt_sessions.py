"""MQTT through a proxy: one session with the printer for each slicer, and how each of them ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.common.nats_server import free_port
from tests.common.printers import virtual_printer
from tests.proxy.mqtt_ends import CODE, REPORT, REQUEST, SERIAL, FakePrinter, FakeSlicer, slicer
from tests.proxy.rig import TARGET, Rig, leaf, serving
from tests.system.ports import loopback_network
from vprinter_common.contracts.facts import AuthFailed
from vprinter_common.contracts.live import Disconnect
from vprinter_common.fleet.edge import Placement
from vprinter_common.wire.mqtt_framing import encode_remaining_length
from vprinter_common.wire.mqtt_packets import (
    Connack,
    Connect,
    ConnectCode,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Subscribe,
    Subscription,
)
from vprinter_common.wire.mqtt_packets import (
    Disconnect as Goodbye,
)
from vprinter_common.wire.report import ip_as_u32_le
from vprinter_proxy import audit
from vprinter_proxy.mqtt import session
from vprinter_proxy.mqtt.part import MAX_STRANGERS_PER_ADDRESS

NETWORK = loopback_network()  # other files have such proxies too, in other workers
PROXY, PRINTER, NEIGHBOUR, NOBODY = (f"{NETWORK}.{last}" for last in (11, 12, 13, 14))
PUSHALL = b'{"pushing": {"sequence_id": "20001", "command": "pushall"}}'
STOP = b'{"print": {"sequence_id": "20002", "command": "stop"}}'
BIG = json.dumps({"print": {"filler": "x" * 500_000}}).encode()


@asynccontextmanager
async def relayed(
    printer: FakePrinter, *, relay: dict[str, Any] | None = None, **target: Any
) -> AsyncIterator[tuple[Rig, int]]:
    """A proxy in front of the printer, and the port where slicers find it."""
    port = free_port()
    async with printer.on(PRINTER) as printer_port:
        spec = virtual_printer(
            PROXY,
            mode="proxy",
            serial=SERIAL,
            target=TARGET | {"host": PRINTER} | target,
            relay={"camera": False} | (relay or {}),
        )
        ports: dict[str, Any] = {"mqtt_port": port, "ftps_port": free_port(), "printers": {"mqtt": printer_port}}
        async with serving(spec, CollectorRegistry(), **ports) as rig:
            yield rig, port


async def rest(client: FakeSlicer) -> AsyncIterator[Packet]:
    """What still comes until the end of the connection."""
    while (packet := await client.next()) is not None:
        yield packet


def change(rig: Rig, **changes: Any) -> None:
    """Give the running proxy a newer spec."""
    spec = rig.serving.spec
    rig.serving.take_over(spec.model_validate(spec.model_dump() | changes))


async def test_what_the_slicer_says_passes_byte_for_byte_and_the_printers_reports_say_our_address() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client:
        await client.listen()
        odd = b'{ "print" :{"command":"stop" , "sequence_id":"1"},"header":{"sign_string":"x=="}}\n\0'
        client.ask(odd, qos=1)
        assert await client.next() == Puback(5)
        assert printer.heard == [(REQUEST, odd)]

        said = {"print": {"net": {"info": [{"ip": ip_as_u32_le(PRINTER)}]}, "url": f"ftp://{PRINTER}/"}}
        printer.session.say(json.dumps(said, indent=4).encode())
        shown = {"print": {"net": {"info": [{"ip": ip_as_u32_le(PROXY)}]}, "url": f"ftp://{PROXY}/"}}
        assert (await client.message()).payload == json.dumps(shown, indent=4).encode()

        client.send(Pingreq())
        assert await client.next() == Pingresp()
        await rig.until(lambda: any(each.last_command == "print.stop" for each in rig.serving.sessions.values()))
        (status,) = rig.serving.sessions.values()
        assert (status.client, status.port, status.access_code) == ("127.0.0.1", port, None)
        assert status.to_target > 0
        assert status.to_client > 0
        client.send(Goodbye())
        await client.closed()
        await rig.until(lambda: not rig.serving.sessions and not printer.sessions)
    assert rig.metric("vprinter_proxy_closed_sessions_total", reason="slicer_left") == 1
    assert CODE.encode() in printer.plaintext


async def test_two_slicers_at_once_each_have_a_session_of_their_own() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as one, slicer(PROXY, port) as two:
        await one.listen()
        await two.listen()
        assert len(printer.sessions) == len(rig.serving.sessions) == 2
        first, second = printer.sessions
        first.say(b"for one")
        second.say(b"for two")
        assert (await one.message()).payload == b"for one"
        assert (await two.message()).payload == b"for two"
        await first.drop()
        await one.closed()
        second.say(b"still here")
        assert (await two.message()).payload == b"still here"


async def test_the_watcher_of_the_same_printer_listens_along_to_what_the_printer_said() -> None:
    printer = FakePrinter()
    heard: list[bytes] = []
    async with relayed(printer) as (rig, port):
        reports = rig.edge.reports
        with reports.heard_by(TARGET["id"], heard.append):
            assert not reports.is_relayed(TARGET["id"])
            async with slicer(PROXY, port) as client:
                await client.listen()
                assert reports.is_relayed(TARGET["id"])
                said = f'{{"print": {{"url": "ftp://{PRINTER}/"}}}}'.encode()
                printer.session.say(b"elsewhere", topic="other")
                printer.session.say(said)
                await client.message()
                await client.message()
                assert heard == [said]
            await rig.until(lambda: not reports.is_relayed(TARGET["id"]))


# -- getting in -----------------------------------------------------------------------------------------------------


async def test_a_wrong_code_is_refused_by_the_printer_and_counts_for_the_brake() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port):
        for _ in range(5):
            async with slicer(PROXY, port) as client:
                assert (await client.log_in("Wrong123")).code is ConnectCode.NOT_AUTHORISED
                await client.closed()
        async with slicer(PROXY, port) as client:
            assert (await client.log_in()).code is ConnectCode.SERVER_UNAVAILABLE, "braked"
            await client.closed()
        assert printer.connections == 5, "a slicer that is braked does not even reach the printer"
        await rig.until(lambda: len([fact for fact in rig.bus.facts if isinstance(fact, AuthFailed)]) == 5)
    assert rig.metric("vprinter_logins_total", outcome="wrong_code") == 5
    assert rig.metric("vprinter_logins_total", outcome="braked") == 1
    assert not rig.serving.sessions


async def test_a_printer_that_cannot_be_reached_is_unavailable_and_keeps_the_slicers_code_stored() -> None:
    printer = FakePrinter()
    async with relayed(printer, host=NOBODY) as (rig, port), slicer(PROXY, port) as client:
        assert (await client.log_in()).code is ConnectCode.SERVER_UNAVAILABLE
        await client.closed()
        assert rig.metric("vprinter_proxy_upstream_failures_total", reason="connection_refused") == 1


async def test_a_printer_that_shows_another_certificate_gets_no_code() -> None:
    printer = FakePrinter()
    async with relayed(printer, fingerprint="ab" * 32) as (rig, port), slicer(PROXY, port) as client:
        assert (await client.log_in()).code is ConnectCode.SERVER_UNAVAILABLE
        assert rig.metric("vprinter_proxy_upstream_failures_total", reason="certificate_changed") == 1
    assert CODE.encode() not in printer.plaintext
    assert printer.plaintext == b""


async def test_an_accepted_certificate_lets_the_next_session_pass() -> None:
    printer = FakePrinter()
    async with relayed(printer, fingerprint="ab" * 32) as (rig, port):
        target = rig.serving.spec.target
        assert target is not None
        right = leaf(SERIAL, "printer").fingerprint.replace(":", "").lower()
        change(rig, target=target.model_dump() | {"fingerprint": right})
        async with slicer(PROXY, port) as client:
            assert (await client.log_in()).code is ConnectCode.ACCEPTED


@pytest.mark.parametrize("verdict", [ConnectCode.SERVER_UNAVAILABLE, ConnectCode.IDENTIFIER_REJECTED])
async def test_a_printer_that_takes_no_further_session_says_so_itself(verdict: ConnectCode) -> None:
    printer = FakePrinter()
    printer.verdict = verdict
    refused = asyncio.Event()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client:
        with rig.edge.reports.watched("r1", refused.set):
            assert (await client.log_in()).code is verdict
            await client.closed()
        assert refused.is_set(), "whoever watches the printer may give way"
        assert rig.metric("vprinter_proxy_upstream_failures_total", reason="too_many_sessions") == 1


async def test_a_printer_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ANSWER_WITHIN", 0.1)
    printer = FakePrinter()
    printer.mute = True
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client:
        assert (await client.log_in()).code is ConnectCode.SERVER_UNAVAILABLE
        assert rig.metric("vprinter_proxy_upstream_failures_total", reason="too_many_sessions") == 1
        await rig.until(lambda: not printer.sessions)


async def test_a_printer_that_hangs_up_instead_of_answering_is_unavailable() -> None:
    printer = FakePrinter()
    printer.mute = True
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client:

        async def hang_up() -> None:
            await rig.until(lambda: printer.sessions and printer.plaintext)
            await printer.session.drop()

        verdict, _ = await asyncio.gather(client.log_in(), hang_up())
        assert verdict.code is ConnectCode.SERVER_UNAVAILABLE
        assert rig.metric("vprinter_proxy_upstream_failures_total", reason="too_many_sessions") == 1


async def test_a_slicer_that_does_not_wait_for_its_login_gets_everything_in_order() -> None:
    printer = FakePrinter()
    async with relayed(printer, relay={"allow": "view"}) as (_, port), slicer(PROXY, port) as client:
        client.send(Subscribe(1, (Subscription(REPORT),)))
        await client.closed()
    async with relayed(printer, relay={"allow": "view"}) as (rig, port), slicer(PROXY, port) as client:
        client.send(Connect("c", b"bblp", CODE.encode()), Publish(REQUEST, STOP), Publish(REQUEST, PUSHALL))
        assert await client.next() == Connack()
        assert json.loads((await client.message()).payload)["print"]["result"] == "fail"
        await rig.until(lambda: printer.heard)
        assert printer.heard == [(REQUEST, PUSHALL)]


async def test_a_slicer_that_leaves_while_the_printer_is_being_reached_leaves_nothing_behind() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port):
        for _ in range(5):
            async with slicer(PROXY, port) as client:
                client.send(Connect("c", b"bblp", CODE.encode()))
        await rig.until(lambda: rig.metric("vprinter_proxy_closed_sessions_total", reason="slicer_left") == 5)
        await rig.until(lambda: not printer.sessions)
        assert not rig.serving.sessions


async def test_strangers_are_limited_by_address() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), AsyncExitStack() as slicers:
        for _ in range(MAX_STRANGERS_PER_ADDRESS):
            await slicers.enter_async_context(slicer(PROXY, port))
        late = await slicers.enter_async_context(slicer(PROXY, port))
        await late.closed()
        assert rig.metric("vprinter_proxy_closed_sessions_total", reason="full") == 1
    assert printer.connections == 0


async def test_a_stranger_has_to_log_in_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CONNECT_WITHIN", 0.1)
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client:
        await client.closed()
        assert rig.metric("vprinter_proxy_closed_sessions_total", reason="no_connect") == 1


# -- going ----------------------------------------------------------------------------------------------------------


async def test_a_silent_printer_shows_as_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "REPORT_WITHIN", 0.3)
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client, slicer(PROXY, port) as other:
        assert (await other.log_in()).code is ConnectCode.ACCEPTED  # does not listen, so it is told nothing anyway
        assert (await client.log_in()).code is ConnectCode.ACCEPTED
        client.send(Subscribe(1, (Subscription(REPORT),)))
        printer.session.say(b"first")  # on its way before the proxy begins to count, however busy this machine is
        assert (await client.message()).payload == b"first"
        since = asyncio.get_running_loop().time()
        printer.session.say(b"second")
        more = [packet async for packet in rest(client)]
        if any(isinstance(packet, Publish) for packet in more):  # else the time was up before it was said
            assert asyncio.get_running_loop().time() - since >= 0.3
        assert rig.metric("vprinter_proxy_upstream_failures_total", reason="silent") == 1
        assert len(rig.serving.sessions) == 1


async def test_a_slicer_that_does_not_read_is_evicted_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SLICER_READS_WITHIN", 0.4)
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as asleep, slicer(PROXY, port) as awake:
        await asleep.listen()
        await awake.listen()
        first, second = printer.sessions
        for number in range(60):  # 30 MB: more than all buffers between hold
            first.say(BIG)
            second.say(b"%d" % number)
            assert (await awake.message()).payload == b"%d" % number
        await rig.until(lambda: rig.metric("vprinter_proxy_closed_sessions_total", reason="not_reading") == 1)
        taken = rig.metric("vprinter_proxy_relayed_bytes_total", direction="to_client")
        assert taken < 15_000_000, "what nobody reads is not fetched either"
        second.say(b"still here")
        assert (await awake.message()).payload == b"still here"


async def test_nothing_is_read_from_a_slicer_while_the_printer_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PRINTER_READS_WITHIN", 0.4)
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client:
        await client.listen()
        printer.hears.clear()
        client.ask(PUSHALL)  # wakes its reading once more
        for _ in range(60):
            client.ask(BIG)
        await rig.until(lambda: rig.metric("vprinter_proxy_closed_sessions_total", reason="printer_not_reading") == 1)
        printer.hears.set()


async def test_garbage_of_a_slicer_ends_its_session_and_no_other() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as bad, slicer(PROXY, port) as good:
        await bad.listen()
        await good.listen()
        bad.writer.write(b"\x30" + encode_remaining_length((1 << 20) + 1))
        await bad.closed()
        assert rig.metric("vprinter_proxy_closed_sessions_total", reason="slicer_violation") == 1
        client_says_hello = b"GET / HTTP/1.1\r\n\r\n"
        async with slicer(PROXY, port) as browser:
            browser.writer.write(client_says_hello)
            await browser.closed()
        assert rig.metric("vprinter_proxy_closed_sessions_total", reason="slicer_violation") == 2
        good.send(Pingreq())
        assert await good.next() == Pingresp()


@pytest.mark.parametrize("garbage", [b"\x30" + encode_remaining_length((1 << 20) + 1), b"\xf0\x00", b"\x10\x00"])
async def test_garbage_of_a_printer_ends_that_session_and_no_other(garbage: bytes) -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as one, slicer(PROXY, port) as two:
        await one.listen()
        await two.listen()
        printer.sessions[0].write(garbage)
        await one.closed()
        assert rig.metric("vprinter_proxy_closed_sessions_total", reason="printer_violation") == 1
        two.send(Pingreq())
        assert await two.next() == Pingresp()


async def test_a_printer_that_speaks_first_is_none() -> None:
    printer = FakePrinter()
    printer.greeting = b"220 welcome\r\n"
    async with relayed(printer) as (_, port), slicer(PROXY, port) as client:
        assert (await client.log_in()).code is ConnectCode.SERVER_UNAVAILABLE
        await client.closed()


async def test_a_person_can_disconnect_a_slicer() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as one, slicer(PROXY, port) as two:
        await one.listen()
        await two.listen()
        first = next(iter(rig.serving.sessions))
        handler = next(handler for subject, handler in rig.bus.handlers.items() if subject.endswith(".disconnect"))
        await handler(Disconnect(printer="p1", session=first))
        await one.closed()
        assert len(rig.serving.sessions) == 1
        assert first not in rig.serving.sessions
        two.send(Pingreq())
        assert await two.next() == Pingresp()


async def test_a_change_of_name_policy_or_certificate_leaves_sessions_alone() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client:
        await client.listen()
        change(rig, name="Other", relay={"allow": "view", "camera": False})
        client.ask(STOP)
        assert json.loads((await client.message()).payload)["print"]["result"] == "fail"
        change(rig, relay={"allow": "control", "camera": False})
        client.ask(STOP, qos=1)
        assert await client.next() == Puback(5)
        assert printer.heard == [(REQUEST, STOP)]


async def test_an_end_of_one_proxy_leaves_the_sessions_of_another_alone() -> None:
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), AsyncExitStack() as slicers:
        client = await slicers.enter_async_context(slicer(PROXY, port))
        await client.listen()
        spec = rig.serving.spec.model_copy(update={"id": "p2"})
        async with rig.edge.serve(spec, Placement(NEIGHBOUR, NEIGHBOUR, NEIGHBOUR)) as second:
            opened = [await each.open(NEIGHBOUR, each.port) for each in second.listeners]
            neighbour = await slicers.enter_async_context(slicer(NEIGHBOUR, port))
            await neighbour.listen()
            assert len(printer.sessions) == 2
            for server in opened:
                server.close()
        await neighbour.closed()
        client.send(Pingreq())
        assert await client.next() == Pingresp()
        assert (len(rig.serving.sessions), len(second.sessions)) == (1, 0)


async def test_when_the_proxy_stops_its_slicers_are_told() -> None:
    printer = FakePrinter()
    async with AsyncExitStack() as slicers:
        async with relayed(printer) as (rig, port):
            client = await slicers.enter_async_context(slicer(PROXY, port))
            await client.listen()
        await client.closed()
    assert rig.metric("vprinter_proxy_closed_sessions_total", reason="stopped") == 1


async def test_facts_of_a_session_are_limited_but_everything_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BURST", 3)
    printer = FakePrinter()
    async with relayed(printer) as (rig, port), slicer(PROXY, port) as client:
        await client.listen()
        for _ in range(50):
            client.ask(STOP)
        client.send(Pingreq())
        assert await client.next() == Pingresp()
        assert rig.metric("vprinter_proxy_commands_total", command="print.stop", outcome="passed") == 50
        await rig.until(lambda: rig.bus.facts)
        assert 3 <= len(rig.bus.facts) < 10
