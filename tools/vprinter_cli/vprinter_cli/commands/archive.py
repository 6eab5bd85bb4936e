"""`vprinter archive`: what was received."""

import argparse
from pathlib import Path

from vprinter_cli.commands.desk import Arguments, Desk, Group
from vprinter_cli.commands.files import add_listing, tell_file, tell_files
from vprinter_cli.download import download

_PATH = "archive"


def add(resources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    group = Group.add(resources, "archive", "received files", _list)
    add_listing(group, "list them, the newest first", _list)
    show = group.command("show", "show one with its plates", _show)
    fetch = group.command("download", "save the file, and check that it arrived whole", _download)
    fetch.add_argument(
        "-o", "--output", metavar="FILE", help="where to (default: its own name, here; - = standard output)"
    )
    fetch.add_argument("--force", action="store_true", help="overwrite a file that is there")
    delete = group.command("delete", "delete it, also from the queue", _delete)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    for parser in (show, fetch, delete):
        parser.add_argument("file", help="its id, the beginning of it, or its name")


def _list(desk: Desk, arguments: Arguments) -> None:
    tell_files(desk, _PATH, arguments)


def _show(desk: Desk, arguments: Arguments) -> None:
    tell_file(desk, desk.find(_PATH, "file", arguments.file))


def _download(desk: Desk, arguments: Arguments) -> None:
    one = desk.find(_PATH, "file", arguments.file)
    target = None if arguments.output == "-" else Path(arguments.output or Path(one["filename"]).name)
    download(desk.api, f"{_PATH}/{one['id']}/file", one["sha256"], target, force=arguments.force)
    if target is not None:
        desk.out.note(f"saved as {target}")


def _delete(desk: Desk, arguments: Arguments) -> None:
    one = desk.find(_PATH, "file", arguments.file)
    desk.confirm(f"Delete {one['name']}, also from the queue?", yes=arguments.yes)
    desk.api.call("DELETE", f"{_PATH}/{one['id']}")
