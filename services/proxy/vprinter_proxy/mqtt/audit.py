"""What becomes of a slicer's requests: counted, shown, and told if they would change something."""

from collections.abc import Callable

from vprinter_common.contracts.facts import CommandOutcome, JobRequested
from vprinter_common.contracts.message import new_id
from vprinter_common.wire.commands import PRINTING, Command, Kind
from vprinter_common.wire.mqtt_relay import Requested
from vprinter_common.wire.project_file import parse
from vprinter_proxy.audit import Trail
from vprinter_proxy.printer import Printer
from vprinter_proxy.sessions import Session

_OTHER = "other"


class Audit:
    """The requests of one session."""

    def __init__(self, printer: Printer, session: Session, clock: Callable[[], float]) -> None:
        self._printer = printer
        self._session = session
        self._trail = Trail(printer, session, clock)

    def note(self, requested: Requested) -> None:
        """A request passed or was refused; what only asks leaves no trace but the count."""
        outcome = CommandOutcome.REFUSED if requested.refused else CommandOutcome.PASSED
        for command in requested.commands:
            label = command.label if command.known else _OTHER
            self._printer.house.metrics.commands.labels(self._printer.id, label, outcome.value).inc()
            if not requested.refused:
                self._session.last_command = command.label
            if requested.refused or command.kind > Kind.VIEW:
                job = None if requested.refused else self._job(command)
                self._trail.tell(command.label, command.detail, outcome, job)

    def _job(self, command: Command) -> JobRequested | None:
        """The print that it asks for, with all its options; None if it is none, or names no file."""
        if (command.section, command.name) not in PRINTING:
            return None
        project = parse(command.body)
        if not project.filename:
            return None
        return JobRequested(
            job=new_id(),
            printer=self._printer.id,
            filename=project.filename,
            subtask_name=project.subtask_name,
            plate=project.plate,
            options=project.options,
            client=self._session.client,
        )
