"""Relays to a printer: ours, haproxy, nginx, stunnel and socat."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.relay_source import Send, by_ftps, in_clear, in_tls
from benchmarks.measure.house import Keys, house
from benchmarks.measure.program import Program, load
from benchmarks.measure.usage import cpu_seconds, family_cpu_seconds, forget_peak, peak_memory
from tests.common.printers import SERIAL
from tests.system.ports import free_ports, loopback_network

CIPHERS = "ECDHE-RSA-AES256-GCM-SHA384"


@dataclass(frozen=True, slots=True)
class Sink:
    """Where all relays lead to: the same port at three addresses."""

    program: Program
    tls: str
    clear: str
    ftps: str
    port: int


@dataclass(frozen=True, slots=True)
class Contender:
    """A relay at work, or the way without one."""

    name: str
    send: Send
    cpu: Callable[[], float] = lambda: 0.0
    forget_peak: Callable[[], None] = lambda: None
    peak: Callable[[], int | None] = lambda: None


@contextmanager
def sink(directory: Path, keys: Keys) -> Iterator[Sink]:
    """The program behind the relays."""
    network, port = loopback_network(), free_ports().base
    addresses = [f"{network}.{number}" for number in (201, 202, 203)]
    command = load("relay_sink", str(keys.chain), str(keys.key), *addresses, str(port))
    with Program(command, directory / "sink.log", talks=True) as program:
        for address in addresses:
            program.await_listening(address, port)
        tls, clear, by_ftps = addresses
        yield Sink(program, tls, clear, by_ftps, port)


@contextmanager
def ours(directory: Path, keys: Keys, to: Sink) -> Iterator[tuple[Contender, Contender]]:
    """Our service with NATS: an upload with TLS on both sides, and raw bytes."""
    strategies = {1: ("terminate", to.ftps), 2: ("passthrough", to.clear)}

    def differ(number: int) -> dict[str, object]:
        strategy, host = strategies[number]
        target = {"id": "r1", "host": host, "serial": SERIAL, "model": "C12", "access_code": "Sesame42"}
        passive = free_ports().passive
        return {
            "mode": "proxy",
            "model": "C12",
            "serial": SERIAL,
            "target": target,
            "relay": {"ftp": strategy, "camera": False},
            "passive_ports": {"low": passive[0], "high": passive[1]},
        }

    settings = {"VPRINTER_PROXY__PRINTERS__FTPS": str(to.port)}
    with house("proxy", directory, keys, 2, settings=settings, differ=differ) as served:

        def contender(send: Send) -> Contender:
            return Contender(
                "ours",
                send,
                lambda: cpu_seconds(served.pid),
                lambda: forget_peak(served.pid),
                lambda: peak_memory(served.pid),
            )

        terminate, passthrough = served.addresses
        yield contender(by_ftps(terminate, served.port)), contender(in_clear(passthrough, served.port))


def terminating(directory: Path, keys: Keys, to: Sink) -> Iterator[tuple[str, Sequence[str], str, int]]:
    """The peers that speak TLS on both sides: name, command, address, port."""
    address, backend = f"{loopback_network()}.7", f"{to.tls}:{to.port}"
    both = directory / "both.pem"
    both.write_text(keys.chain.read_text() + keys.key.read_text())
    port = free_ports().base
    _write(
        directory / "haproxy.cfg",
        "global\n ssl-default-bind-options ssl-max-ver TLSv1.2\n"
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n"
        f"frontend in\n bind {address}:{port} ssl crt {both} ciphers {CIPHERS}\n default_backend out\n"
        f"backend out\n server printer {backend} ssl verify none ciphers {CIPHERS}\n",
    )
    yield "haproxy", ("/usr/sbin/haproxy", "-db", "-f", str(directory / "haproxy.cfg")), address, port
    port = free_ports().base
    _write(
        directory / "nginx.conf",
        f"load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nuser root;\ndaemon off;\npid {directory}/nginx.pid;\n"
        f"error_log {directory}/nginx.err;\nworker_processes 1;\nevents {{}}\nstream {{ server {{ listen {address}:{port} ssl;\n"
        f"ssl_certificate {keys.chain}; ssl_certificate_key {keys.key}; ssl_protocols TLSv1.2; ssl_ciphers {CIPHERS};\n"
        f"proxy_pass {backend}; proxy_ssl on; proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers {CIPHERS}; }} }}\n",
    )
    yield "nginx", ("/usr/sbin/nginx", "-c", str(directory / "nginx.conf"), "-p", str(directory)), address, port
    port, middle = free_ports().base, free_ports().base
    _write(
        directory / "stunnel.conf",
        f"foreground = yes\npid =\ndebug = err\nciphers = {CIPHERS}\nsslVersionMax = TLSv1.2\n"
        f"[in]\naccept = {address}:{port}\nconnect = {address}:{middle}\ncert = {both}\n"
        f"[out]\nclient = yes\naccept = {address}:{middle}\nconnect = {backend}\n",
    )
    yield "stunnel", ("/usr/bin/stunnel4", str(directory / "stunnel.conf")), address, port
    port = free_ports().base
    listening = f"OPENSSL-LISTEN:{port},bind={address},cert={both},verify=0,fork,reuseaddr,cipher={CIPHERS}"
    yield "socat", ("/usr/bin/socat", listening, f"OPENSSL:{backend},verify=0,cipher={CIPHERS}"), address, port


@contextmanager
def peers(directory: Path, keys: Keys, to: Sink) -> Iterator[tuple[list[Contender], list[Contender]]]:
    """Those that terminate TLS, and those that pass bytes through; all at work."""
    with ExitStack() as stack:

        def start(name: str, command: Sequence[str], address: str, port: int, send: Send) -> Contender:
            program = stack.enter_context(Program(command, directory / f"{name}-{port}.log"))
            program.await_listening(address, port)
            return Contender(name, send, lambda: cpu_seconds(program.pid) + family_cpu_seconds(program.pid))

        secure = [
            start(name, command, address, port, in_tls(address, port))
            for name, command, address, port in terminating(directory, keys, to)
        ]
        address, port = f"{loopback_network()}.8", free_ports().base
        listening = f"TCP-LISTEN:{port},bind={address},fork,reuseaddr"
        command = ("/usr/bin/socat", listening, f"TCP:{to.clear}:{to.port}")
        clear = [start("socat", command, address, port, in_clear(address, port))]
        yield secure, clear


def _write(path: Path, text: str) -> None:
    path.write_text(text)
