"""The `vprinter` command line: its commands, and what goes wrong before they run."""

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from getpass import getpass

import shtab
from pydantic import ValidationError

from vprinter_cli import firewall
from vprinter_cli.client import Api
from vprinter_cli.commands import archive, ca, doctor, pending, printers, queue, real, tokens
from vprinter_cli.commands.desk import Arguments, Desk
from vprinter_cli.console import Console
from vprinter_cli.exits import Exit, Failure
from vprinter_cli.greeting import Surroundings, greet
from vprinter_cli.lock import AlreadyRunning, data_directory
from vprinter_cli.output import Output
from vprinter_cli.prober import probing
from vprinter_cli.server import find_server
from vprinter_cli.services import local_nats
from vprinter_cli.settings import Settings
from vprinter_cli.up import Up
from vprinter_common.runtime.logging import configure_logging
from vprinter_common.runtime.service import run
from vprinter_common.runtime.settings import ADMIN_PORTS, LogSettings

_EPILOG = """\
settings, all from the environment (docs/operations has the whole list):
  VPRINTER_DATA_DIR              directory of everything that is kept (default: ./data)
  VPRINTER_ADMIN_TOKEN           an admin token of your own (16 characters or more), instead of the one made at the first start
  VPRINTER_CONTROL__HOST, __PORT where the page and the API are (default: 0.0.0.0, 8000)
  VPRINTER_FTPS__PORT            e.g. 9990, with port 990 redirected to it, to run without root
  VPRINTER_NATS__URL             use this NATS instead of running one
  VPRINTER_UP__NATS_PORT         port of the NATS that `up` runs (default: 4222; 0 = a free one)
  VPRINTER_UP__ADMIN_PORT_BASE   first of the ports of metrics and health (default: 9301; 0 = free ones)

for all commands but up, welcome, probe, ports and completion:
  VPRINTER_URL, VPRINTER_TOKEN   the server and the token (default: the server on this host)

exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 no server answers; 4 no token, or not allowed; 5 not found
"""

HEARD_LATELY = timedelta(seconds=30)
"""What services said of printers before that is too old for `welcome`."""
RESOURCES = (printers, real, archive, pending, queue, tokens, ca, doctor)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="vprinter",
        description="Virtual Printer: a Bambu Lab printer that keeps what slicers send to it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="run NATS and all services here, until Ctrl-C or SIGTERM")
    commands.add_parser(
        "welcome", help="wait for a system that runs elsewhere, in containers say, and print where it is"
    )
    commands.add_parser("probe", help="play the slicer on an interval, with metrics for Prometheus, until SIGTERM")
    ports = commands.add_parser("ports", help="show the ports in use, for firewalls")
    ports.add_argument("--format", choices=tuple(firewall.formats()), default="table", help="what to print them for")
    for resource in RESOURCES:
        resource.add(commands)
    completion = commands.add_parser("completion", help="print a completion script for a shell")
    completion.add_argument("shell", choices=shtab.SUPPORTED_SHELLS)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the result is the exit code."""
    given = parser().parse_args(arguments)
    if given.command == "completion":
        sys.stdout.write(f"{shtab.complete(parser(), given.shell)}\n")
        return Exit.DONE
    try:
        settings = Settings()
    except ValidationError as error:
        return _fail(f"the settings are wrong:\n{_explain(error)}")
    _forgive_terminals()
    match given.command:
        case "ports":
            sys.stdout.write(firewall.formats()[given.format](settings))
            return Exit.DONE
        case "up" | "welcome" | "probe":
            return {"up": _up, "welcome": _welcome, "probe": _probe}[given.command](settings)
        case _:
            return _ask(settings, given)


def _ask(settings: Settings, given: Arguments) -> int:
    """Run a command that asks the server."""
    try:
        server = find_server(settings, os.environ, getattr(given, "url", None), getattr(given, "token_file", None))
        output = Output(sys.stdout, sys.stderr, as_json=getattr(given, "json", False))
        given.run(Desk(Api(server), output, ask=_question, ask_secret=_secret), given)
        sys.stdout.flush()
    except Failure as failure:
        return _fail(str(failure), failure.code)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return _fail("stopped")
    return Exit.DONE


def _question(text: str) -> str:
    if not sys.stdin.isatty():
        raise Failure(f"{text}\nnobody is there to answer: say --yes", Exit.USAGE)
    return input(text)


def _secret(text: str) -> str:
    if not sys.stdin.isatty():
        raise Failure("give the pass phrase in VPRINTER_PASSPHRASE, or with --passphrase-file", Exit.USAGE)
    return getpass(text)


def _up(settings: Settings) -> int:
    configure_logging(LogSettings(level="error", format="console"), "vprinter")
    console = Console.on(sys.stdout, ("vprinter", "nats", *ADMIN_PORTS), os.environ)
    try:
        with data_directory(settings.data_dir.absolute()):
            asyncio.run(Up(settings, console, dict(os.environ)).run())
    except AlreadyRunning as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"cannot start: {error}")
    return Exit.DONE


def _welcome(settings: Settings) -> int:
    configure_logging(LogSettings(level="error", format="console"), "vprinter")
    console = Console.on(sys.stdout, ("vprinter",), os.environ)
    began = datetime.now(UTC) - HEARD_LATELY
    try:
        containers = Surroundings("`docker compose down` stops it.", ca=None)
        asyncio.run(greet(settings, settings.nats, console, began, containers))
    except OSError as error:
        return _fail(f"{settings.data_dir} cannot be used: {error}")
    return Exit.DONE


def _probe(settings: Settings) -> int:
    access = local_nats(settings)
    nats = access.settings() if access else settings.nats
    admin = settings.admin.model_copy(update={"port": settings.admin.port or settings.probe.admin_port})
    settings = settings.model_copy(update={"nats": nats, "admin": admin})
    run("probe", settings, lambda runtime: probing(runtime, settings.probe))
    return Exit.DONE


def _forgive_terminals() -> None:
    """A name may not exist in the terminal's character set; that is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _explain(error: ValidationError) -> str:
    return "\n".join(
        f"  VPRINTER_{'__'.join(str(part) for part in one['loc']).upper()}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    )


def _fail(message: str, code: Exit = Exit.FAILED) -> int:
    sys.stderr.write(f"vprinter: {message}\n")
    return code
