"""The real system in a directory and on loopback addresses of its own, and what tests ask of it."""

import secrets
import signal
import socket
import string
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.simulators.profiles import Profile
from tests.simulators.slicer import Place, Slicer
from tests.system.api import Api, ApiError
from tests.system.ports import Ports, free_ports, loopback_network
from tests.system.processes import SERVICES, Processes, Separate, Supervised, wait_for
from tests.system.secrets_in_logs import leaks

UP_WITHIN = 60.0
EDGES = ("discovery", "ftps", "mqtt")
CODE_LETTERS = string.ascii_letters + string.digits


def access_code() -> str:
    """A random access code."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(8))


@dataclass(frozen=True, slots=True)
class Printer:
    """A virtual printer that a test made, with the code that the API does not tell again."""

    id: str
    serial: str
    address: str
    code: str
    model: str


class System:
    """One system. `supervised`: under `vprinter up`, else its processes are controlled one by one."""

    def __init__(
        self,
        directory: Path,
        *,
        supervised: bool = True,
        token: str | None = "",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`token`: the admin token to set, "" for a random one, None to let the system make its own."""
        self.directory = directory
        self.data = directory / "data"
        self.edges: list[Path] = []
        """Data directories of further nodes."""
        self.ports: Ports = free_ports()
        self.network = loopback_network()
        self.token = secrets.token_urlsafe(32) if token == "" else token
        self.secrets: set[str] = {self.token} if self.token else set()
        """Everything that must never be in a log; tests add the codes they use."""
        settings = {
            "VPRINTER_DATA_DIR": str(self.data),
            "VPRINTER_NODE": f"node-{self.ports.base}",
            **({"VPRINTER_ADMIN_TOKEN": self.token} if self.token else {}),
            "VPRINTER_CONTROL__HOST": self.address(1),
            "VPRINTER_LOG__LEVEL": "debug",
            **self.ports.environ(),
            **{f"ADMIN_PORT_{service}": str(port) for service, port in self.ports.admin.items()},
            **(environ or {}),
        }
        logs = directory / "logs"
        self.processes: Processes = (
            Supervised(settings, logs) if supervised else Separate(settings, logs, self.data, self.ports.nats)
        )
        self._addresses = 0

    @property
    def api(self) -> Api:
        """The API, with the admin token."""
        return Api(f"http://{self.address(1)}:{self.ports.control}", self.token)

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until the API and every service answer."""
        self.processes.start()
        self.await_ready(*SERVICES)

    def stop(self) -> None:
        """Stop it, and see that no log of it holds a secret."""
        self.processes.stop()
        found = self.leaks()
        assert not found, "secrets in logs:\n" + "\n".join(found[:20])

    def leaks(self) -> list[str]:
        """A line for each secret in the logs so far."""
        password = self.data / "nats" / "password"
        known = {*self.secrets, password.read_text().strip() if password.exists() else ""}
        return leaks(self.processes.log_files(), known)

    def await_ready(self, *services: str, timeout: float = UP_WITHIN) -> None:
        """Wait until the services answer /readyz, and the API its requests."""
        for service in services:
            wait_for(partial(self._is_ready, service), f"{service} ready", timeout)
        if "control" in services:
            wait_for(self._api_answers, "the API answers", timeout)

    def _is_ready(self, service: str) -> bool:
        return self.health(service, "readyz")[0] == 200

    def _api_answers(self) -> bool:
        try:
            self.api.get("models")
        except ApiError as error:
            return error.status == 401
        except OSError:
            return False
        return True

    def kill(self, service: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a service; returns the pid it had."""
        return self.processes.kill(service, number)

    def health(self, service: str, route: str) -> tuple[int, str]:
        """Status and body of /metrics, /livez or /readyz; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports.admin[service]}/{route}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, service: str, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        total = 0.0
        for line in self.health(service, "metrics")[1].splitlines():
            sample, _, value = line.rpartition(" ")
            family, _, rest = sample.partition("{")
            if family == name and all(f'{key}="{wanted}"' in rest for key, wanted in labels.items()):
                total += float(value)
        return total

    # -- printers ------------------------------------------------------------------------------------------------

    def address(self, last: int) -> str:
        """An address of this system's network."""
        return f"{self.network}.{last}"

    def fresh_address(self) -> str:
        """An address that no printer and no slicer had yet."""
        self._addresses += 1
        third, last = divmod(self._addresses, 240)
        first, second, base = self.network.split(".")
        return f"{first}.{second}.{int(base) + third}.{10 + last}"

    def ca_pem(self) -> str:
        """The CA, as a user downloads it."""
        return self.api.raw("GET", "certificate-authority.pem").decode()

    def ca_file(self) -> Path:
        """The CA in a file."""
        path = self.directory / "ca.pem"
        path.write_text(self.ca_pem())
        return path

    def new_printer(self, *, model: str = "BL-P001", mode: str = "immediate", **more: Any) -> Printer:
        """Make a printer on an address of its own and wait until slicers can reach it."""
        code = self.new_code()
        body = {
            "name": f"{model} {mode}",
            "model": model,
            "mode": mode,
            "access_code": code,
            "enabled": True,
            "bind": {"address": self.fresh_address()},
            "passive_ports": list(self.ports.passive),
            **more,
        }
        made = self.api.post("virtual-printers", body)
        printer = Printer(made["id"], made["serial"], body["bind"]["address"], code, made["model"])
        if body["enabled"]:
            self.await_reachable(printer)
        return printer

    def await_reachable(self, printer: Printer, timeout: float = 30.0) -> None:
        """Wait until every edge says that it serves the printer."""
        wait_for(partial(self._is_running, printer), f"{printer.address} is served", timeout)

    def _is_running(self, printer: Printer) -> bool:
        return bool(self.api.get(f"virtual-printers/{printer.id}/status")["state"] == "running")

    def await_gone(self, printer: Printer, timeout: float = 30.0) -> None:
        """Wait until no port of the printer accepts."""
        for port in self._printer_ports():
            wait_for(partial(refuses, printer.address, port), f"{printer.address}:{port} closed", timeout)

    def _printer_ports(self) -> tuple[int, ...]:
        ports = self.ports
        return ports.detect, ports.detect_tls, ports.mqtt, ports.ftps

    def remove_first_printer(self) -> None:
        """Remove the printer that the first start made: bound to every address, it is in the way of all others."""
        wait_for(lambda: self.api.items("virtual-printers"), "the first printer")
        for item in self.api.items("virtual-printers"):
            self.api.delete(f"virtual-printers/{item['id']}")

    def remove(self, printer: Printer) -> None:
        """Delete the printer."""
        self.api.delete(f"virtual-printers/{printer.id}")

    def place(self, printer: Printer) -> Place:
        """Where slicers find the printer."""
        ports = self.ports
        return Place(printer.address, ports.detect, ports.detect_tls, ports.mqtt, ports.ftps)

    def slicer(self, printer: Printer, profile: Profile, **more: Any) -> Slicer:
        """A slicer on a computer of its own that trusts this system's CA and knows the printer's address and code."""
        options = {"access_code": printer.code, "source": self.fresh_address(), **more}
        if "ca_pem" not in options:
            options["ca_pem"] = self.ca_pem()
        return Slicer(self.place(printer), profile=profile, **options)

    def status(self, printer: Printer, service: str) -> dict[str, Any] | None:
        """What a service says of a printer, by way of the API."""
        services: dict[str, dict[str, Any]] = self.api.get(f"virtual-printers/{printer.id}/status")["services"]
        return services.get(service)

    def revision_is_served(self, printer: Printer) -> bool:
        """Whether every edge has taken over the printer's newest state."""
        wanted = self.api.get(f"virtual-printers/{printer.id}")["revision"]
        found = [self.status(printer, service) for service in EDGES]
        return all(status is not None and status["revision"] == wanted for status in found)

    def new_code(self) -> str:
        """A random access code, which must not be found in any log."""
        code = access_code()
        self.secrets.add(code)
        return code

    # -- what was kept -------------------------------------------------------------------------------------------

    def archived(self, sha256: str) -> list[dict[str, Any]]:
        """Archive entries of a file."""
        return self.api.items("archive", sha256=sha256)

    def await_archived(self, sha256: str, count: int = 1, timeout: float = 30.0) -> list[dict[str, Any]]:
        """Wait for that many entries of a file, and see that there are not more."""
        found = self.await_archived_at_least(sha256, count, timeout)
        assert len(found) == count, found
        return found

    def await_archived_at_least(self, sha256: str, count: int = 1, timeout: float = 30.0) -> list[dict[str, Any]]:
        """Wait for that many entries of a file, or more."""
        wait_for(lambda: len(self.archived(sha256)) >= count, f"{count} archive entries of {sha256[:12]}", timeout)
        return self.archived(sha256)

    @property
    def houses(self) -> list[Path]:
        """Data directories of all nodes."""
        return [self.data, *self.edges]

    def blobs(self) -> set[str]:
        """SHA-256 of every kept file."""
        return {path.name for house in self.houses for path in (house / "blobs" / "sha256").glob("*/*")}

    def leftovers(self) -> list[Path]:
        """Parts of uploads and receipts that wait; empty when all is quiet."""
        places = [house / place for house in self.houses for place in ("blobs/incoming", "outbox")]
        return [path for place in places if place.is_dir() for path in place.iterdir() if path.is_file()]

    def await_quiet(self, timeout: float = 30.0) -> None:
        """Wait until nothing is under way."""
        wait_for(lambda: not self.leftovers(), "no leftovers", timeout)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.processes.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def accepts(address: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


def refuses(address: str, port: int) -> bool:
    """Whether nothing accepts connections there."""
    return not accepts(address, port)
