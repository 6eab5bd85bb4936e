"""`vprinter queue`: what waits to be printed, in order."""

import argparse
from typing import Any

from vprinter_cli.commands import real
from vprinter_cli.commands.desk import Arguments, Desk, Group
from vprinter_cli.commands.files import positive
from vprinter_cli.exits import Exit, Failure
from vprinter_cli.output import short

_PATH = "queue"


def add(resources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    group = Group.add(resources, "queue", "plates that wait to be printed", _list)
    group.command("list", "list them in order", _list)
    append = group.command("add", "add a plate of an archived file", _add)
    append.add_argument("file", help="the archived file: its id, the beginning of it, or its name")
    append.add_argument("--plate", type=positive, help="number of the plate (default: the first)")
    append.add_argument("--hold", action="store_true", help="keep it from being started")
    append.add_argument(
        "--printer", help="the real printer that is to print it: its id, the beginning of it, or its name"
    )
    move = group.command("move", "put an item elsewhere in the order", _move)
    place = move.add_mutually_exclusive_group(required=True)
    place.add_argument("--before", metavar="ITEM")
    place.add_argument("--after", metavar="ITEM")
    place.add_argument("--first", action="store_true")
    place.add_argument("--last", action="store_true")
    hold = group.command("hold", "keep an item from being started", _hold)
    release = group.command("release", "let a held item be started", _release)
    assign = group.command("assign", "say which printer is to print an item", _assign)
    remove = group.command("remove", "take items out of the queue", _remove)
    for parser in (move, hold, release, assign):
        parser.add_argument("item", help="its id, the beginning of it, or #N: the Nth of the queue")
    assign.add_argument(
        "printer", nargs="?", help="the real printer: its id, the beginning of it, or its name; left out: any"
    )
    remove.add_argument("items", nargs="+", metavar="ITEM")


def _list(desk: Desk, _arguments: Arguments) -> None:
    _tell(desk, list(desk.api.every(_PATH)))


def _add(desk: Desk, arguments: Arguments) -> None:
    body: dict[str, Any] = {"archive_id": desk.find_id("archive", "file", arguments.file), "hold": arguments.hold}
    if arguments.plate is not None:
        body["plate"] = arguments.plate
    if arguments.printer is not None:
        body["printer_id"] = desk.find_id(real.PATH, real.WHAT, arguments.printer)
    _tell(desk, [desk.api.post(_PATH, body)])


def _move(desk: Desk, arguments: Arguments) -> None:
    place: dict[str, str | None]
    if arguments.first:
        place = {"after": None}
    elif arguments.last:
        place = {"before": None}
    elif arguments.after is not None:
        place = {"after": _id(desk, arguments.after)}
    else:
        place = {"before": _id(desk, arguments.before)}
    _change(desk, arguments, place)


def _hold(desk: Desk, arguments: Arguments) -> None:
    _change(desk, arguments, {"hold": True})


def _release(desk: Desk, arguments: Arguments) -> None:
    _change(desk, arguments, {"hold": False})


def _assign(desk: Desk, arguments: Arguments) -> None:
    printer = arguments.printer
    _change(desk, arguments, {"printer_id": desk.find_id(real.PATH, real.WHAT, printer) if printer else None})


def _remove(desk: Desk, arguments: Arguments) -> None:
    for id_ in [_id(desk, item) for item in arguments.items]:
        desk.api.call("DELETE", f"{_PATH}/{id_}")


def _change(desk: Desk, arguments: Arguments, body: dict[str, Any]) -> None:
    _tell(desk, [desk.api.call("PATCH", f"{_PATH}/{_id(desk, arguments.item)}", body)])


def _id(desk: Desk, given: str) -> str:
    if given.startswith("#") and given[1:].isdigit():
        items = list(desk.api.every(_PATH))
        if not 1 <= int(given[1:]) <= len(items):
            raise Failure(f"there is no queue item {given}", Exit.NOT_FOUND)
        return str(items[int(given[1:]) - 1]["id"])
    return desk.find_id(_PATH, "queue item", given)


def _tell(desk: Desk, items: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["position"],
            short(one["id"]),
            one["name"],
            one["plate"],
            short(one["printer_id"]),
            "held" if one["hold"] else "",
        )
        for one in items
    ]
    desk.out.items(items, ("#", "id", "name", "plate", "printer", "state"), rows)
