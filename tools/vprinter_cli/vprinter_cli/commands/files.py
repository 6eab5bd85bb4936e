"""What `vprinter archive` and `vprinter pending` have in common."""

import argparse
from typing import Any

from vprinter_cli.commands.desk import Arguments, Desk, Group, Run, given
from vprinter_cli.output import duration, moment, record, short, size, table

_FILTERS = ("q", "tag", "project", "printer", "owner", "model", "sort")


def add_listing(group: Group, text: str, run: Run) -> argparse.ArgumentParser:
    """Declare `list`, with its filters."""
    parser = group.command("list", text, run)
    parser.add_argument("-q", metavar="WORDS", help="words of name, title, designer, filaments, tags and notes")
    for name in ("tag", "project", "printer", "owner", "model"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--sort", help="received_at, name, size, seconds or grams; - in front: the largest first")
    parser.add_argument("--limit", type=positive, default=50, help="list so many at most (default: 50)")
    return parser


def positive(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return number


def tell_files(desk: Desk, path: str, arguments: Arguments, **more: Any) -> None:
    """Print a list of files."""
    query = given(arguments, _FILTERS) | more
    for name, what, where in (("printer", "printer", "virtual-printers"), ("project", "project", "projects")):
        if name in query:
            query[name] = desk.find_id(where, what, query[name])
    found = list(desk.api.every(path, getattr(arguments, "limit", 50), **query))
    rows = [
        (
            short(one["id"]),
            one["name"],
            len(one["plates"]),
            duration(_total(one, "seconds")),
            size(one["size"]),
            one["owner"] or "-",
            moment(one["received_at"]),
        )
        for one in found
    ]
    desk.out.items(found, ("id", "name", "plates", "time", "size", "owner", "received"), rows)


def tell_file(desk: Desk, one: dict[str, Any]) -> None:
    """Print all of one file."""
    slicer = one.get("slicer") or {}
    head = record(
        (
            ("id", one["id"]),
            ("name", one["name"]),
            ("file", one["filename"]),
            ("title", one.get("title")),
            ("designer", one.get("designer")),
            ("size", size(one["size"])),
            ("sha256", one["sha256"]),
            ("received", moment(one["received_at"])),
            ("from", one["client"]),
            ("owner", one["owner"]),
            ("slicer", " ".join(filter(None, (slicer.get("name"), slicer.get("version"))))),
            ("sliced for", one.get("sliced_for_name")),
            ("link", one.get("makerworld_url")),
            ("tags", one["tags"]),
            ("notes", one["notes"].replace("\n", " ")),
            ("unreadable", one["reader_error"]),
            *(("warning", warning["text"]) for warning in one.get("warnings", ())),
        )
    )
    plates = table(
        ("plate", "name", "time", "grams", "layers", "filaments"),
        (
            (
                plate["index"],
                plate["name"],
                duration(plate["seconds"]),
                plate["grams"],
                plate.get("layers"),
                [" ".join(filter(None, (each["type"], each["color"]))) for each in plate["filaments"]],
            )
            for plate in one["plates"]
        ),
    )
    desk.out.answer(one, f"{head}\n\n{plates}" if plates else head)


def _total(one: dict[str, Any], name: str) -> float | None:
    known = [plate[name] for plate in one["plates"] if plate.get(name) is not None]
    return sum(known) if known else None
