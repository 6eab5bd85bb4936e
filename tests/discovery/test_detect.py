import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from tests.common.printers import SERIAL, as_certificate, certificate, virtual_printer
from tests.common.waiting import until
from vprinter_common import catalog
from vprinter_common.certs import CertificateAuthority, Leaf
from vprinter_common.fleet.edge import Placement, Serving
from vprinter_common.listen import listen_tls
from vprinter_common.tls import HandshakeFailure, client_context, printer_server_context
from vprinter_common.wire.detect import DetectRequest, detect_request, encode_frame
from vprinter_discovery.detect import Exchanges, Limits

REQUEST = detect_request(DetectRequest())
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> tuple[CertificateAuthority, Leaf]:
    return certificate(tmp_path_factory.mktemp("detect") / "certs")


@dataclass
class Detect:
    """A running detect listener."""

    exchanges: Exchanges
    serving: Serving
    registry: CollectorRegistry
    port: int

    async def connect(self, context: ssl.SSLContext | None = None) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context)

    async def ask(self, data: bytes, *pieces: bytes) -> bytes:
        """Everything that comes back until the printer closes."""
        reader, writer = await self.connect()
        for piece in (data, *pieces):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return await end(reader, writer)

    def count(self, outcome: str) -> float:
        labels = {"printer": "p1", "listener": "detect", "outcome": outcome}
        return self.registry.get_sample_value("vprinter_detect_requests_total", labels) or 0

    async def until_quiet(self) -> None:
        await until(lambda: not self.serving.connections)


async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    try:
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@asynccontextmanager
async def detect(
    trust: tuple[CertificateAuthority, Leaf] | None = None,
    failures: list[HandshakeFailure | None] | None = None,
    **limits: float,
) -> AsyncIterator[Detect]:
    registry = CollectorRegistry()
    counter = Counter("vprinter_detect_requests", "-", ["printer", "listener", "outcome"], registry=registry)
    spec = virtual_printer() if trust is None else virtual_printer(certificate=as_certificate(trust[1]))
    serving = Serving(spec, Placement("127.0.0.1", "127.0.0.1", "127.0.0.1"))
    exchanges = Exchanges("detect", serving, counter, Limits(**limits))  # type: ignore[arg-type]
    if trust is None:
        plain = await asyncio.get_running_loop().create_server(exchanges.new, "127.0.0.1", 0)
        async with plain:
            yield Detect(exchanges, serving, registry, plain.sockets[0].getsockname()[1])
            exchanges.abort()
        return
    context = printer_server_context(trust[1].chain_pem, trust[1].key_pem)
    seen = [] if failures is None else failures
    secure = await listen_tls("127.0.0.1", 0, exchanges.new, context, lambda _client, failure: seen.append(failure))
    yield Detect(exchanges, serving, registry, secure.sockets[0].getsockname()[1])
    secure.close()
    await secure.wait_closed()
    exchanges.abort()


def mistrust(context: ssl.SSLContext, port: int) -> None:
    """A handshake that the client breaks off with an alert, which asyncio's clients do not send."""
    with socket.create_connection(("127.0.0.1", port), 30) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain)


def told(reply: bytes) -> dict[str, object]:
    """The login object of a reply frame."""
    assert reply[:2] == b"\xa5\xa5"
    assert int.from_bytes(reply[2:4], "little") == len(reply)
    assert reply[-2:] == b"\xa7\xa7"
    login: dict[str, object] = json.loads(reply[4:-2])["login"]
    return login


async def test_a_slicer_is_told_who_the_printer_is_and_the_connection_ends() -> None:
    async with detect() as printer:
        assert told(await printer.ask(REQUEST)) == {
            "bind": "free",
            "command": "detect",
            "connect": "lan",
            "dev_cap": 1,
            "id": SERIAL,
            "model": "BL-P001",
            "name": "Virtual Printer",
            "sequence_id": 3021,
            "version": catalog.model("BL-P001").firmware,
        }
        await printer.until_quiet()
        assert printer.count("answered") == 1
        assert printer.serving.last_client is not None
        assert printer.serving.last_client.address == "127.0.0.1"


async def test_a_new_name_is_told_without_a_restart() -> None:
    async with detect() as printer:
        printer.serving.spec = printer.serving.spec.model_copy(update={"name": "renamed"})
        assert told(await printer.ask(REQUEST))["name"] == "renamed"


async def test_a_request_that_comes_byte_by_byte_is_understood() -> None:
    async with detect() as printer:
        reply = await printer.ask(*[REQUEST[i : i + 1] for i in range(len(REQUEST))])
        assert told(reply)["id"] == SERIAL


async def test_only_the_first_of_two_requests_is_answered() -> None:
    async with detect() as printer:
        assert told(await printer.ask(REQUEST + REQUEST))["id"] == SERIAL
        await printer.until_quiet()
        assert printer.count("answered") == 1


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "head_invalid"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "head_invalid"),
        (b"\xa5\xa5\xff\xff", "frame_too_large"),
        (b"\xa5\xa5\x05\x00\xa7", "frame_too_short"),
        (REQUEST[:-2] + b"xx", "tail_invalid"),
        (b"\xa5\xa5\x0b\x00{\xff}..\xa7\xa7", "json_invalid"),
        (encode_frame({"login": {"command": "bind"}}), "not_detect"),
        (b"\xa5\xa5\xd0\x07" + b"[" * 1994 + b"\xa7\xa7", "json_too_nested"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_anything_else_is_closed_without_a_word(data: bytes, outcome: str) -> None:
    async with detect() as printer:
        assert await printer.ask(data) == b""
        await printer.until_quiet()
        assert printer.count(outcome) == 1


async def test_megabytes_of_garbage_cost_one_connection_and_no_memory() -> None:
    async with detect() as printer:
        reader, writer = await printer.connect()
        writer.write(b"\0" * 5_000_000)
        assert await end(reader, writer) == b""
        await printer.until_quiet()
        assert told(await printer.ask(REQUEST))["id"] == SERIAL


async def test_who_leaves_early_is_counted_as_gone() -> None:
    async with detect() as printer:
        reader, writer = await printer.connect()
        writer.write(REQUEST[:7])
        writer.write_eof()
        assert await end(reader, writer) == b""
        await printer.until_quiet()
        assert printer.count("gone") == 1


async def test_who_dawdles_is_cut_off_however_busily() -> None:
    async with detect(lifetime=0.2) as printer:
        reader, writer = await printer.connect()
        for byte in REQUEST[:-1]:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)
            if cut_off := reader.at_eof() or reader.exception() is not None:
                break
        assert cut_off
        assert await end(reader, writer) == b""
        await printer.until_quiet()
        assert printer.count("timeout") == 1


async def test_one_address_gets_no_more_than_its_share_and_gets_it_back() -> None:
    async with detect(per_address=2) as printer:
        held = [await printer.connect() for _ in range(2)]
        await until(lambda: printer.serving.connections == 2)
        assert await printer.ask(REQUEST) == b""
        assert printer.count("refused") == 1
        held[0][1].close()
        await until(lambda: printer.serving.connections == 1)
        assert told(await printer.ask(REQUEST))["id"] == SERIAL
        held[1][1].close()


async def test_all_addresses_together_get_no_more_than_the_listener_bears() -> None:
    async with detect(connections=1) as printer:
        _, writer = await printer.connect()
        await until(lambda: printer.serving.connections)
        reader, other = await asyncio.open_connection("127.0.0.1", printer.port, local_addr=("127.0.0.2", 0))
        assert await end(reader, other) == b""
        writer.close()


async def test_over_tls_the_slicer_sees_the_printers_certificate(trust: tuple[CertificateAuthority, Leaf]) -> None:
    failures: list[HandshakeFailure | None] = []
    async with detect(trust, failures) as printer:
        reader, writer = await printer.connect(client_context(trust[0].certificate_pem))
        certificate = writer.get_extra_info("peercert")
        assert tuple(part for part in certificate["subject"] if part[0][0] == "commonName") == (
            (("commonName", SERIAL),),
        )
        writer.write(REQUEST[:9])
        await writer.drain()
        writer.write(REQUEST[9:])
        assert told(await end(reader, writer))["id"] == SERIAL
        assert failures == [None]


async def test_a_slicer_that_does_not_trust_us_is_seen(
    trust: tuple[CertificateAuthority, Leaf], tmp_path: Path
) -> None:
    stranger = await asyncio.to_thread(CertificateAuthority.create, tmp_path / "other")
    failures: list[HandshakeFailure | None] = []
    async with detect(trust, failures) as printer:
        await asyncio.to_thread(mistrust, client_context(stranger.certificate_pem), printer.port)
        await until(lambda: failures)
    assert failures == [HandshakeFailure.UNKNOWN_CA]


async def test_stopping_ends_what_is_under_way() -> None:
    async with detect() as printer:
        reader, writer = await printer.connect()
        await until(lambda: printer.serving.connections)
        printer.exchanges.abort()
        assert await end(reader, writer) == b""
        await printer.until_quiet()
