import asyncio
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from vprinter_common import tls
from vprinter_common.certs import CertificateAuthority, Leaf
from vprinter_common.tls import HandshakeFailure, handshake_failure_reason

MakeContext = Callable[[str, str], ssl.SSLContext]
FTPS, PRINTER = tls.ftps_server_context, tls.printer_server_context


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path_factory.mktemp("tls") / "certs")


@pytest.fixture(scope="module")
def leaf(ca: CertificateAuthority) -> Leaf:
    return ca.issue("00M00A000000001")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.create(tmp_path_factory.mktemp("stranger") / "certs")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, pool: ThreadPoolExecutor, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    """A finished handshake over a socket pair; raises what the server saw, else what the client saw."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(30)

    def connect() -> ssl.SSLSocket:
        try:
            return client.wrap_socket(theirs, session=session)
        except OSError:
            theirs.close()
            raise

    future = pool.submit(connect)
    try:
        accepted = server.wrap_socket(ours, server_side=True)
    except OSError:
        ours.close()
        if future.exception(30) is None:
            future.result().close()
        raise
    return accepted, future.result(30)


def close(*sockets: ssl.SSLSocket) -> None:
    for end in sockets:
        end.close()


def test_ftps_speaks_tls_1_2_and_nothing_else(ca: CertificateAuthority, leaf: Leaf, pool: ThreadPoolExecutor) -> None:
    server, client = handshake(FTPS(leaf.chain_pem, leaf.key_pem), tls.client_context(ca.certificate_pem), pool)
    assert client.version() == "TLSv1.2"
    close(server, client)
    modern = tls.client_context(ca.certificate_pem)
    modern.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(ssl.SSLError) as refused:
        handshake(FTPS(leaf.chain_pem, leaf.key_pem), modern, pool)
    assert handshake_failure_reason(refused.value) is HandshakeFailure.WRONG_VERSION


def test_mqtt_and_detect_speak_tls_1_3_too(ca: CertificateAuthority, leaf: Leaf, pool: ThreadPoolExecutor) -> None:
    server, client = handshake(PRINTER(leaf.chain_pem, leaf.key_pem), tls.client_context(ca.certificate_pem), pool)
    assert client.version() == "TLSv1.3"
    close(server, client)


@pytest.mark.parametrize("cipher", ["AES256-GCM-SHA384", "AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"])
@pytest.mark.parametrize("make", [FTPS, PRINTER])
def test_a_slicer_with_plain_rsa_only_gets_in(
    ca: CertificateAuthority, leaf: Leaf, pool: ThreadPoolExecutor, make: MakeContext, cipher: str
) -> None:
    old = tls.client_context(ca.certificate_pem)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers(cipher)
    server, client = handshake(make(leaf.chain_pem, leaf.key_pem), old, pool)
    assert client.cipher() == (cipher, "TLSv1.2", 256 if "256-GCM" in cipher else 128)
    close(server, client)


@pytest.mark.parametrize("make", [FTPS, PRINTER])
def test_weak_suites_are_not_offered(leaf: Leaf, make: MakeContext) -> None:
    names = [suite["name"] for suite in make(leaf.chain_pem, leaf.key_pem).get_ciphers()]
    assert not [name for name in names if "MD5" in name or "RC4" in name or "NULL" in name or name.startswith("ADH")]


def test_a_data_channel_resumes_the_control_session_without_a_ticket(
    ca: CertificateAuthority, leaf: Leaf, pool: ThreadPoolExecutor
) -> None:
    context, client_side = FTPS(leaf.chain_pem, leaf.key_pem), tls.client_context(ca.certificate_pem)
    control = handshake(context, client_side, pool)
    session = control[1].session
    assert session is not None
    assert not session.has_ticket
    assert session.id
    for _ in range(3):
        data = handshake(context, client_side, pool, session)
        assert data[0].session_reused
        assert data[1].session_reused
        # Closed only when both have said goodbye: the number of a socket closed earlier goes to the next one.
        farewell = pool.submit(data[1].unwrap)
        data[0].unwrap()
        farewell.result(30)
        close(*data)
    close(*control)


def shown_to(client: ssl.SSLSocket) -> int:
    return x509.load_der_x509_certificate(client.getpeercert(binary_form=True) or b"").serial_number


@pytest.mark.parametrize("make", [FTPS, PRINTER])
def test_a_changed_certificate_is_for_new_clients_while_sessions_go_on(
    ca: CertificateAuthority, leaf: Leaf, pool: ThreadPoolExecutor, make: MakeContext
) -> None:
    newer = ca.issue("00M00A000000002")
    shown = tls.ShownCertificate(make, leaf.chain_pem, leaf.key_pem)
    client_side = tls.client_context(ca.certificate_pem)
    client_side.maximum_version = ssl.TLSVersion.TLSv1_2
    open_one = handshake(shown.context, client_side, pool)
    before = shown_to(open_one[1])
    shown.show(newer.chain_pem, newer.key_pem)
    resumed = handshake(shown.context, client_side, pool, open_one[1].session)
    assert resumed[1].session_reused
    fresh = handshake(shown.context, client_side, pool)
    assert shown_to(fresh[1]) != before
    assert shown_to(fresh[1]) == x509.load_pem_x509_certificate(newer.chain_pem.encode()).serial_number
    assert fresh[0].cipher() == open_one[0].cipher()
    again = handshake(shown.context, client_side, pool, fresh[1].session)
    assert again[1].session_reused
    for server, client in (open_one, resumed, fresh, again):
        server.sendall(b"still here")
        assert client.recv(100) == b"still here"
        close(server, client)


def test_showing_the_same_certificate_again_changes_nothing(leaf: Leaf) -> None:
    shown = tls.ShownCertificate(PRINTER, leaf.chain_pem, leaf.key_pem)
    shown.show(leaf.chain_pem, leaf.key_pem)
    assert shown.context.sni_callback is None


def test_asyncio_data_channels_resume_too(ca: CertificateAuthority, leaf: Leaf) -> None:
    """asyncio wraps memory buffers, not sockets; the session cache is the context's, so it serves both."""
    context, client_side = FTPS(leaf.chain_pem, leaf.key_pem), tls.client_context(ca.certificate_pem)
    reused: list[bool] = []

    left = asyncio.Semaphore(0)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reused.append(writer.get_extra_info("ssl_object").session_reused)
        writer.write(b"220\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.release()

    def talk(port: int) -> None:
        address = ("127.0.0.1", port)
        with socket.create_connection(address, 10) as raw, client_side.wrap_socket(raw) as control:
            assert control.recv(9) == b"220\r\n"
            second = socket.create_connection(address, 10)
            with second, client_side.wrap_socket(second, session=control.session) as data:
                assert data.recv(9) == b"220\r\n"

    async def main() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
        async with server:
            await asyncio.to_thread(talk, server.sockets[0].getsockname()[1])
            for _ in range(2):
                await left.acquire()

    asyncio.run(main())
    assert reused == [False, True]


def test_no_key_is_left_in_any_file(leaf: Leaf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    FTPS(leaf.chain_pem, leaf.key_pem)
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_does_not_trust_us_is_recognised_by_both_sides(
    stranger: CertificateAuthority, leaf: Leaf, pool: ThreadPoolExecutor, version: ssl.TLSVersion
) -> None:
    distrusting = tls.client_context(stranger.certificate_pem)
    distrusting.minimum_version = distrusting.maximum_version = version
    with pytest.raises(ssl.SSLError) as seen:
        handshake(PRINTER(leaf.chain_pem, leaf.key_pem), distrusting, pool)
    assert handshake_failure_reason(seen.value) is HandshakeFailure.UNKNOWN_CA


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_asyncio_shows_distrust_where_the_socket_is_accepted(
    stranger: CertificateAuthority, leaf: Leaf, version: ssl.TLSVersion
) -> None:
    distrusting = tls.client_context(stranger.certificate_pem)
    distrusting.minimum_version = distrusting.maximum_version = version
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    client_errors: list[HandshakeFailure] = []

    def connect() -> None:
        with theirs:
            try:
                distrusting.wrap_socket(theirs)
            except ssl.SSLError as error:
                client_errors.append(handshake_failure_reason(error))

    thread = threading.Thread(target=connect)
    thread.start()
    with pytest.raises(ssl.SSLError) as seen:
        await asyncio.get_running_loop().connect_accepted_socket(
            asyncio.Protocol, ours, ssl=PRINTER(leaf.chain_pem, leaf.key_pem)
        )
    await asyncio.to_thread(thread.join, 30)
    assert handshake_failure_reason(seen.value) is HandshakeFailure.UNKNOWN_CA
    assert client_errors == [HandshakeFailure.UNKNOWN_CA]


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", HandshakeFailure.NOT_TLS),
        (b"USER bblp\r\n", HandshakeFailure.NOT_TLS),
        (b"\x16\x03\x01", HandshakeFailure.EOF),
        (b"", HandshakeFailure.EOF),
    ],
)
def test_what_is_no_handshake_is_named(leaf: Leaf, opening: bytes, reason: HandshakeFailure) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(opening)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError) as seen:
            PRINTER(leaf.chain_pem, leaf.key_pem).wrap_socket(ours, server_side=True)
    assert handshake_failure_reason(seen.value) is reason


def test_a_client_without_a_common_suite_is_named(
    ca: CertificateAuthority, leaf: Leaf, pool: ThreadPoolExecutor
) -> None:
    odd = tls.client_context(ca.certificate_pem)
    odd.maximum_version = ssl.TLSVersion.TLSv1_2
    odd.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError) as seen:
        handshake(FTPS(leaf.chain_pem, leaf.key_pem), odd, pool)
    assert handshake_failure_reason(seen.value) is HandshakeFailure.NO_SHARED_CIPHER


async def test_a_silent_client_is_a_timeout(leaf: Leaf) -> None:
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(OSError) as seen:
        await asyncio.get_running_loop().connect_accepted_socket(
            asyncio.Protocol, ours, ssl=PRINTER(leaf.chain_pem, leaf.key_pem), ssl_handshake_timeout=0.05
        )
    assert handshake_failure_reason(seen.value) is HandshakeFailure.TIMEOUT


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), HandshakeFailure.TIMEOUT),
        (ConnectionResetError(104, "reset"), HandshakeFailure.EOF),
        (ConnectionAbortedError(103, "aborted"), HandshakeFailure.EOF),
        (ssl.SSLEOFError(8, "eof"), HandshakeFailure.EOF),
        (ssl.SSLError(1, "something new"), HandshakeFailure.OTHER),
        (ssl.SSLCertVerificationError(1, "expired"), HandshakeFailure.OTHER),
        (ValueError("x"), HandshakeFailure.OTHER),
    ],
)
def test_every_error_has_a_reason(error: Exception, reason: HandshakeFailure) -> None:
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_code = 10
    assert handshake_failure_reason(error) is reason


def test_nats_must_prove_its_name(ca: CertificateAuthority, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(ca.certificate_pem)
    context = tls.nats_context(tmp_path / "ca.pem")
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert [certificate["subject"] for certificate in context.get_ca_certs()] == [
        ((("commonName", "Virtual Printer CA"),),)
    ]


def test_curl_trusts_the_ca_and_compares_the_address(ca: CertificateAuthority, leaf: Leaf, tmp_path: Path) -> None:
    """A client nobody here wrote: one HTTP answer over the printer's context."""
    (tmp_path / "ca.pem").write_text(ca.certificate_pem)
    context = PRINTER(leaf.chain_pem, leaf.key_pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            raw, _ = listener.accept()
            with raw, context.wrap_socket(raw, server_side=True) as accepted:
                accepted.recv(4096)
                accepted.sendall(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok")
                accepted.unwrap()

        thread = threading.Thread(target=serve)
        thread.start()
        command = ["curl", "-sS", "-m", "30", "--cacert", str(tmp_path / "ca.pem")]
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        answer = subprocess.run([*command, url], capture_output=True, text=True, check=False)
        thread.join(30)
    assert (answer.stdout, answer.stderr) == ("ok", "")
