"""The `vprinter` command line: its commands, and what goes wrong before they run."""

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from vprinter_cli import ports
from vprinter_cli.console import Console
from vprinter_cli.lock import AlreadyRunning, data_directory
from vprinter_cli.settings import Settings
from vprinter_cli.up import Up
from vprinter_common.runtime.logging import configure_logging
from vprinter_common.runtime.settings import ADMIN_PORTS, LogSettings

_SETTINGS = """\
settings, all from the environment (docs/operations has the whole list):
  VPRINTER_DATA_DIR              directory of everything that is kept (default: ./data)
  VPRINTER_ADMIN_TOKEN           an admin token of your own (16 characters or more), instead of the one made at the first start
  VPRINTER_CONTROL__HOST, __PORT where the page and the API are (default: 0.0.0.0, 8000)
  VPRINTER_FTPS__PORT            e.g. 9990, with port 990 redirected to it, to run without root
  VPRINTER_NATS__URL             use this NATS instead of running one
  VPRINTER_UP__NATS_PORT         port of the NATS that `up` runs (default: 4222; 0 = a free one)
  VPRINTER_UP__ADMIN_PORT_BASE   first of the ports of metrics and health (default: 9301; 0 = free ones)
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="vprinter",
        description="Virtual Printer: a Bambu Lab printer that keeps what slicers send to it.",
        epilog=_SETTINGS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="run NATS and all services here, until Ctrl-C or SIGTERM")
    commands.add_parser("ports", help="show the ports in use, for firewalls")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the result is the exit code."""
    command = parser().parse_args(arguments).command
    try:
        settings = Settings()
    except ValidationError as error:
        return _fail(f"the settings are wrong:\n{_explain(error)}")
    if command == "ports":
        sys.stdout.write(ports.table(settings))
        return 0
    return _up(settings)


def _up(settings: Settings) -> int:
    configure_logging(LogSettings(level="error", format="console"), "vprinter")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a printer's name may not exist in the terminal's character set
    console = Console.on(sys.stdout, ("vprinter", "nats", *ADMIN_PORTS), os.environ)
    try:
        with data_directory(settings.data_dir.absolute()):
            asyncio.run(Up(settings, console, dict(os.environ)).run())
    except AlreadyRunning as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"cannot start: {error}")
    return 0


def _explain(error: ValidationError) -> str:
    return "\n".join(
        f"  VPRINTER_{'__'.join(str(part) for part in one['loc']).upper()}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    )


def _fail(message: str) -> int:
    sys.stderr.write(f"vprinter: {message}\n")
    return 1
