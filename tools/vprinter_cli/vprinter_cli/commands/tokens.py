"""`vprinter tokens`: who may use the API."""

import argparse
from typing import Any

from vprinter_cli.commands.desk import Arguments, Desk, Group
from vprinter_cli.output import moment, short

_PATH = "tokens"
_SCOPES = ("read", "files", "queue", "printers", "admin")


def add(resources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    group = Group.add(resources, "tokens", "tokens of the API", _list)
    group.command("list", "list them", _list)
    create = group.command("create", "make one; it is shown this once", _create)
    create.add_argument("name", help="what it is for")
    create.add_argument("--scope", action="append", choices=_SCOPES, help="may be given several times (default: read)")
    create.add_argument("--printer", help="virtual printer that it uploads to (OrcaSlicer's OctoPrint upload)")
    revoke = group.command("revoke", "end one, and the logins made with it", _revoke)
    revoke.add_argument("token", help="its id, the beginning of it, or its name")


def _list(desk: Desk, _arguments: Arguments) -> None:
    found = list(desk.api.every(_PATH))
    rows = [(short(one["id"]), one["name"], one["scopes"], moment(one["last_used_at"])) for one in found]
    desk.out.items(found, ("id", "name", "scopes", "last used"), rows)


def _create(desk: Desk, arguments: Arguments) -> None:
    body: dict[str, Any] = {"name": arguments.name, "scopes": arguments.scope or ["read"]}
    if arguments.printer is not None:
        body["printer_id"] = desk.find_id("virtual-printers", "printer", arguments.printer)
    made = desk.api.post(_PATH, body)
    desk.out.answer(made, made["token"])


def _revoke(desk: Desk, arguments: Arguments) -> None:
    desk.api.call("DELETE", f"{_PATH}/{desk.pick(_PATH, 'token', arguments.token)['id']}")
