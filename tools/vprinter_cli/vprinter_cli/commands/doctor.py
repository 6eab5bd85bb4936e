"""`vprinter doctor`: what keeps slicers away from the printers, and what to do about it."""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from os import environ
from typing import Any

from vprinter_cli.commands.desk import Arguments, Desk, add_common
from vprinter_cli.console import harmless
from vprinter_cli.exits import Exit, Failure
from vprinter_cli.services import local_nats
from vprinter_cli.settings import Settings

AT_ONCE = 3
OFFLINE_WITHIN = 120.0
CLOCK_TOLERANCE = 60.0
INSTALLATIONS = ("native", "docker", "nas")
_MARKS = {"ok": "ok", "warning": "WARNING", "failed": "FAILED", "skipped": "-"}
_PATH = "virtual-printers"

Diagnosis = Mapping[str, Any]


def add(resources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    text = "play the slicer against the printers and say what is wrong, and what to do"
    parser = resources.add_parser("doctor", help=text, description=text[:1].upper() + text[1:] + ".")
    add_common(parser)
    parser.add_argument(
        "printers", nargs="*", metavar="PRINTER", help="id, the beginning of it, or name (default: all)"
    )
    parser.add_argument(
        "--on", choices=INSTALLATIONS, default="native", help="how the system is installed, for fitting remedies"
    )
    parser.add_argument("--offline", action="store_true", help="do not ask control, look from here")
    parser.set_defaults(run=run)


def run(desk: Desk, arguments: Arguments) -> None:
    """Diagnose, print, and fail if something is wrong."""
    diagnoses = _offline(arguments.printers) if arguments.offline else _by_control(desk, arguments)
    desk.out.answer(diagnoses, "\n\n".join(_shown(each, arguments.on) for each in diagnoses))
    if sick := [each["name"] for each in diagnoses if each["verdict"] == "failed"]:
        raise Failure(f"something is wrong with {', '.join(map(harmless, sick))}")


def _by_control(desk: Desk, arguments: Arguments) -> list[Diagnosis]:
    """Ask control; if none answers on this very host, look from here."""
    try:
        if arguments.printers:
            ids = [desk.find_id(_PATH, "printer", each) for each in arguments.printers]
        else:
            ids = [each["id"] for each in desk.api.every(_PATH)]
        _compare_clocks(desk)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda id_: desk.api.get(f"{_PATH}/{id_}/diagnosis"), ids))
    except Failure as failure:
        elsewhere = getattr(arguments, "url", None) or environ.get("VPRINTER_URL")
        if failure.code is not Exit.UNREACHABLE or elsewhere:
            raise
        desk.out.note(f"{failure}\n  So this is what can be seen from here without it.\n")
        return _offline(["--control-is-away", *arguments.printers])


def _compare_clocks(desk: Desk) -> None:
    """A slicer on a computer with a wrong clock refuses good certificates."""
    with desk.api.open("GET", "models") as response:
        date = response.headers.get("Date")
    if date is None:
        return
    ahead = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    if abs(ahead) > CLOCK_TOLERANCE:
        way = "ahead of" if ahead > 0 else "behind"
        desk.out.note(f"the clock of this computer is {abs(ahead):.0f} s {way} the server's: set one of them right")


def _offline(arguments: Sequence[str]) -> list[Diagnosis]:
    """Control's own doctor in a process of its own; it reads the database and needs nobody."""
    command = [sys.executable, "-m", "vprinter_control.doctor", *arguments]
    done = subprocess.run(  # noqa: S603 - our own program
        command, check=False, capture_output=True, text=True, env=_environment(), timeout=OFFLINE_WITHIN
    )
    if done.returncode:
        raise Failure(done.stderr.strip() or f"the doctor ended with exit code {done.returncode}")
    found: list[Diagnosis] = json.loads(done.stdout)
    return found


def _environment() -> dict[str, str]:
    """What the services of `vprinter up` get, so that the doctor finds their NATS."""
    access = local_nats(Settings())
    return {**environ, **access.environ()} if access else dict(environ)


def _shown(diagnosis: Diagnosis, installation: str) -> str:
    steps: Sequence[Mapping[str, Any]] = diagnosis["steps"]
    width = max(len(step["title"]) for step in steps)
    lines = [f"{diagnosis['name']} at {diagnosis['address'] or 'no address'}: {diagnosis['verdict']}"]
    for step in steps:
        lines.append(f"  {_MARKS[step['verdict']]:<8} {step['title']:<{width}}  {step['detail']}")
        if step["remedy"] is not None:
            lines.append(f"  {'':<8} {'':<{width}}  > {step['remedy'][installation]}")
    return "\n".join(map(harmless, lines))
