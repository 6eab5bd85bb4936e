"""Slicers' commands for the real printer behind a virtual one, and its answers. No I/O, no clock.

Slicers number their requests from the same number on, so an answer is bound to who asked by command, number and time.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vprinter_common.wire.commands import Command, Kind, commands_in
from vprinter_mqtt import answers
from vprinter_mqtt.session_state import SessionState

ANSWER_SECONDS = 4.0
"""Without an answer of the real printer by then, the virtual one gives its own: some queries hold up a dialog."""
REMEMBER_SECONDS = 15.0
"""How long further parts of an answer find their way."""
MAX_PENDING = 64
"""Commands that wait for an answer, over all slicers; the oldest are forgotten beyond that."""


def _table(**rows: str) -> Mapping[str, frozenset[str]]:
    return {section: frozenset(commands.split()) for section, commands in rows.items()}


QUERIES = _table(
    print="extrusion_cali_get extrusion_cali_get_result flowrate_get_result get_auto_nozzle_mapping",
    system="get_accessories",
)
"""What only the real printer knows; asking changes nothing."""
CONTROLLED = frozenset({"print", "system", "camera", "xcam"})
"""The sections in which the real printer may be controlled; firmware and trust are not among them."""
OURS = _table(print="project_file gcode_file", system="print_cache_set")
"""What is for the virtual printer in any case: the file was sent to it, and is not on the real one."""


@dataclass(slots=True, eq=False)
class _Pending:
    session: SessionState
    command: Command
    asked_at: float
    answered: bool = False


@dataclass(slots=True)
class Forwarding:
    """The commands of all slicers of one virtual printer that wait for the real one's answer."""

    _pending: list[_Pending] = field(default_factory=list)

    def take(self, session: SessionState, payload: bytes, now: float, *, may_control: bool) -> Command | None:
        """The command in a request, if it is for the real printer; its answer is awaited from now on.

        A frame with anything else in it is not: the real printer would act on all of it.
        """
        commands = commands_in(payload)
        if len(commands) != 1 or not self._is_for_it(session, commands[0], may_control=may_control):
            return None
        self._pending.append(_Pending(session, commands[0], now))
        del self._pending[:-MAX_PENDING]
        return commands[0]

    def answered(self, message: Mapping[str, Any]) -> Iterator[tuple[SessionState, str]]:
        """Who asked for what the real printer says, and in which section; nobody here for answers to others."""
        for section, body in message.items():
            if isinstance(body, dict) and (asked := self._asked(section, body)) is not None:
                asked.answered = True
                yield asked.session, section

    def overdue(self, now: float) -> Iterable[tuple[SessionState, dict[str, object]]]:
        """Our own answers where the real printer gave none, and to whom."""
        late = [one for one in self._pending if not one.answered and now - one.asked_at >= ANSWER_SECONDS]
        self._pending = [one for one in self._pending if one not in late and now - one.asked_at < REMEMBER_SECONDS]
        return [(one.session, {one.command.section: _own_answer(one.command)}) for one in late]

    def left(self, session: SessionState) -> None:
        """This slicer awaits nothing any more."""
        self._pending = [one for one in self._pending if one.session is not session]

    def _is_for_it(self, session: SessionState, command: Command, *, may_control: bool) -> bool:
        if not command.known:
            return False
        if command.name in QUERIES.get(command.section, ()):
            return True
        # A job that is being received here is what its slicer wants stopped.
        if command.label == "print.stop" and session.job.is_busy:
            return False
        is_control = command.kind is Kind.CONTROL and command.section in CONTROLLED
        return may_control and is_control and command.name not in OURS.get(command.section, ())

    def _asked(self, section: str, body: Mapping[str, Any]) -> _Pending | None:
        """Who is answered: the first who still waits, else, for a further part, the last who does not."""
        fitting = [one for one in self._pending if one.command.section == section and _fits(one.command, body)]
        waiting = [one for one in fitting if not one.answered]
        return waiting[0] if waiting else fitting[-1] if fitting else None


def _fits(command: Command, answer: Mapping[str, Any]) -> bool:
    """Some models leave out the command in their answers."""
    named = answer.get("command", command.name)
    return bool(named == command.name and answer.get("sequence_id") == command.body.get("sequence_id"))


def _own_answer(command: Command) -> dict[str, object]:
    if command.kind is Kind.VIEW:
        return answers.empty(command.body)
    return answers.refuse(command.body, answers.NO_ANSWER)
