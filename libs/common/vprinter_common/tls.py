"""Every SSLContext of the system, each option with its reason, and the reasons why handshakes fail.

Where a failed handshake can be seen: a client that does not trust our CA says so with an alert in place of its
`Finished`, so in TLS 1.2 and 1.3 alike the server's handshake fails with it. `asyncio.start_server(ssl=…)` swallows that
error; accept the socket yourself and await `loop.connect_accepted_socket(…, ssl=…)`, which raises it.
(A server's refusal of a *client's* certificate would, in 1.3, reach the client after its handshake; we ask for none.)
"""

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

# Some slicers offer nothing but plain RSA key exchange, which no default list holds.
PLAIN_RSA = "AES256-GCM-SHA384:AES128-GCM-SHA256"
FTPS_CIPHERS = f"HIGH:{PLAIN_RSA}:!aNULL:!MD5:!RC4"
PRINTER_CIPHERS = f"DEFAULT:{PLAIN_RSA}"


def ftps_server_context(chain_pem: str, key_pem: str) -> ssl.SSLContext:
    """For FTPS control *and* data channels of one printer: sharing the context is what lets clients resume."""
    context = _server_context(chain_pem, key_pem)
    # Exactly 1.2, like real printers: with 1.3 the slicers' plugin resumes the data channel by PSK and breaks off after
    # about 80 KiB, and unread 1.3 tickets turn a client's close() into a reset that loses the tail of the file.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(FTPS_CIPHERS)
    # No tickets; sessions are resumed by their id from this context's own cache, which costs the client no extra message.
    context.options |= ssl.OP_NO_TICKET
    return context


def printer_server_context(chain_pem: str, key_pem: str) -> ssl.SSLContext:
    """For MQTT (8883) and detect (3002)."""
    context = _server_context(chain_pem, key_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(PRINTER_CIPHERS)
    # Sessions are long and nobody resumes them; a ticket left unread by a client that only sends makes its close a reset.
    context.num_tickets = 0
    return context


class ShownCertificate:
    """The context of a printer's listeners, whose certificate can be changed while sessions go on.

    Sessions that are open and those that are resumed stay as they are; who shakes hands anew sees the newest.
    """

    def __init__(self, make: Callable[[str, str], ssl.SSLContext], chain_pem: str, key_pem: str) -> None:
        self.context = make(chain_pem, key_pem)
        self._make = make
        self._shown = (chain_pem, key_pem)

    def show(self, chain_pem: str, key_pem: str) -> None:
        """Show this one from now on."""
        if (chain_pem, key_pem) == self._shown:
            return
        self._shown = (chain_pem, key_pem)
        newer: ssl.SSLContext | None = None

        def switch(connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            nonlocal newer
            # Made when the first client needs it: a renewal changes the certificates of all printers at one moment.
            newer = newer or self._make(chain_pem, key_pem)
            connection.context = newer

        # OpenSSL calls it for clients that name no host, too. It is set only now: a server that has it acknowledges
        # the name that a client sent, which it does not otherwise.
        self.context.sni_callback = switch


def client_context(ca_pem: str) -> ssl.SSLContext:
    """For probes and tests: trusts this CA only and, like the slicers, does not compare the host's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ca_pem)
    return context


def nats_context(ca_file: Path) -> ssl.SSLContext:
    """For NATS across hosts: the server's certificate must come from this CA and name the host."""
    return ssl.create_default_context(cafile=ca_file)


def _server_context(chain_pem: str, key_pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A client could otherwise demand one costly handshake after another on the same connection.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    with _in_memory(chain_pem) as chain_file, _in_memory(key_pem) as key_file:
        context.load_cert_chain(chain_file, key_file)
    return context


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """A path for OpenSSL, which reads files only; the memory behind it is gone at the end, even after a kill."""
    descriptor = os.memfd_create("vprinter-tls")
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


class HandshakeFailure(StrEnum):
    """Why a TLS handshake failed; a closed list, fit for a metric's label."""

    UNKNOWN_CA = "unknown_ca"
    """The peer does not trust our CA: the commonest complaint of all."""
    BAD_CERTIFICATE = "bad_certificate"
    NO_SHARED_CIPHER = "no_shared_cipher"
    WRONG_VERSION = "wrong_version"
    NOT_TLS = "not_tls"
    EOF = "eof"
    TIMEOUT = "timeout"
    OTHER = "other"


# OpenSSL's names, as `ssl.SSLError.reason` gives them; those with ALERT were sent by the peer.
_REASONS = {
    "TLSV1_ALERT_UNKNOWN_CA": HandshakeFailure.UNKNOWN_CA,
    "SSLV3_ALERT_BAD_CERTIFICATE": HandshakeFailure.BAD_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": HandshakeFailure.BAD_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": HandshakeFailure.BAD_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": HandshakeFailure.BAD_CERTIFICATE,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": HandshakeFailure.BAD_CERTIFICATE,
    "TLSV1_ALERT_ACCESS_DENIED": HandshakeFailure.BAD_CERTIFICATE,
    "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE": HandshakeFailure.BAD_CERTIFICATE,
    "CERTIFICATE_VERIFY_FAILED": HandshakeFailure.BAD_CERTIFICATE,
    "NO_SHARED_CIPHER": HandshakeFailure.NO_SHARED_CIPHER,
    "NO_CIPHERS_AVAILABLE": HandshakeFailure.NO_SHARED_CIPHER,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": HandshakeFailure.NO_SHARED_CIPHER,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": HandshakeFailure.NO_SHARED_CIPHER,
    "UNSUPPORTED_PROTOCOL": HandshakeFailure.WRONG_VERSION,
    "VERSION_TOO_LOW": HandshakeFailure.WRONG_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": HandshakeFailure.WRONG_VERSION,
    "HTTP_REQUEST": HandshakeFailure.NOT_TLS,
    "HTTPS_PROXY_REQUEST": HandshakeFailure.NOT_TLS,
    # Despite its name: the first bytes are no TLS record at all. A TLS version we do not speak is UNSUPPORTED_PROTOCOL.
    "WRONG_VERSION_NUMBER": HandshakeFailure.NOT_TLS,
    "BAD_RECORD_TYPE": HandshakeFailure.NOT_TLS,
    "UNEXPECTED_EOF_WHILE_READING": HandshakeFailure.EOF,
}
# X509_V_ERR_*: no issuer at all, no issuer locally, self-signed leaf, self-signed in the chain, leaf unverifiable.
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})


def handshake_failure_reason(error: BaseException) -> HandshakeFailure:
    """What a failed handshake says, as server or as client."""
    match error:
        case ssl.SSLCertVerificationError() if error.verify_code in _UNTRUSTED:
            reason = HandshakeFailure.UNKNOWN_CA
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            reason = HandshakeFailure.EOF
        case ssl.SSLError():
            # Errors that Python code raises by hand carry no reason.
            reason = _REASONS.get(getattr(error, "reason", None) or "", HandshakeFailure.OTHER)
        case TimeoutError():
            reason = HandshakeFailure.TIMEOUT
        case ConnectionAbortedError() if error.errno is None:
            reason = HandshakeFailure.TIMEOUT  # how asyncio says that `ssl_handshake_timeout` has passed
        case ConnectionError() | EOFError():
            reason = HandshakeFailure.EOF
        case _:
            reason = HandshakeFailure.OTHER
    return reason
