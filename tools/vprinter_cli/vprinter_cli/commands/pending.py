"""`vprinter pending`: files that wait for a review."""

import argparse
from typing import Any

from vprinter_cli.commands.desk import Arguments, Desk, Group
from vprinter_cli.commands.files import add_listing, tell_file, tell_files
from vprinter_cli.exits import Exit, Failure

_PATH = "pending"
_AT_ONCE = 100


def add(resources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    group = Group.add(resources, "pending", "files that wait for a review", _list)
    listing = add_listing(group, "list them, the newest first", _list)
    listing.add_argument("--discarded", action="store_true", help="those that can still be restored")
    show = group.command("show", "show one with its plates", _show)
    show.add_argument("file", help="its id, the beginning of it, or its name")
    approve = group.command("approve", "archive them, or archive and queue them", _approve)
    approve.add_argument("--to", choices=("archive", "queue"), default="archive")
    approve.add_argument("--project", help="id or name of the project they belong to")
    approve.add_argument("--tag", action="append", dest="tags", metavar="TAG", help="may be given several times")
    approve.add_argument("--notes")
    discard = group.command("discard", "discard them; `restore` takes it back for a minute", _discard)
    restore = group.command("restore", "take a discarding back", _restore)
    for parser in (approve, discard, restore):
        parser.add_argument("files", nargs="*", metavar="FILE", help="id, the beginning of it, or name")
        parser.add_argument("--all", action="store_true", help="all that there are")


def _list(desk: Desk, arguments: Arguments) -> None:
    tell_files(desk, _PATH, arguments, **({"discarded": "true"} if getattr(arguments, "discarded", False) else {}))


def _show(desk: Desk, arguments: Arguments) -> None:
    tell_file(desk, desk.find(_PATH, "file", arguments.file))


def _approve(desk: Desk, arguments: Arguments) -> None:
    more: dict[str, Any] = {"to": arguments.to}
    if arguments.project is not None:
        more["project_id"] = desk.find_id("projects", "project", arguments.project)
    if arguments.tags is not None:
        more["tags"] = arguments.tags
    if arguments.notes is not None:
        more["notes"] = arguments.notes
    _bulk(desk, _chosen(desk, arguments), {"action": "approve", **more})


def _discard(desk: Desk, arguments: Arguments) -> None:
    _bulk(desk, _chosen(desk, arguments), {"action": "discard"})


def _restore(desk: Desk, arguments: Arguments) -> None:
    for id_ in _chosen(desk, arguments, discarded="true"):
        desk.api.post(f"{_PATH}/{id_}/restore")


def _chosen(desk: Desk, arguments: Arguments, **query: Any) -> list[str]:
    if arguments.all == bool(arguments.files):
        raise Failure("name the files, or say --all", Exit.USAGE)
    if arguments.all:
        return [item["id"] for item in desk.api.every(_PATH, **query)]
    return list(dict.fromkeys(desk.find_id(_PATH, "file", file, **query) for file in arguments.files))


def _bulk(desk: Desk, ids: list[str], body: dict[str, Any]) -> None:
    done: list[str] = []
    failed: list[dict[str, Any]] = []
    for start in range(0, len(ids), _AT_ONCE):
        answer = desk.api.post(f"{_PATH}/bulk", {**body, "ids": ids[start : start + _AT_ONCE]})
        done += answer["done"]
        failed += answer["failed"]
    desk.out.answer({"done": done, "failed": failed}, f"{len(done)} done" if ids else "there is none")
    if failed:
        raise Failure("\n".join(f"{one['id']}: {one['title']}" for one in failed))
