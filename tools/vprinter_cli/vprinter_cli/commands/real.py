"""`vprinter real`: real printers, which virtual ones relay to or mirror."""

import argparse
from typing import Any

from vprinter_cli.commands.desk import Arguments, Desk, Group, given
from vprinter_cli.output import record, short, table

PATH = "printers"
WHAT = "real printer"
_NAMED = ("host", "name", "serial", "model")


def add(resources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    group = Group.add(resources, "real", "real printers behind proxies and mirrors", _list)
    group.command("list", "list them and how they fare", _list)
    group.command("discovered", "list printers that are heard and not known yet", _discovered)
    new = group.command("add", "add one; its address is enough while it is switched on", _add)
    new.add_argument("host", help="its address or DNS name")
    new.add_argument("--name", help="what to call it (default: as it calls itself)")
    show = group.command("show", "show one, and what to do if it is not well", _show)
    change = group.command("change", "change what is given", _change)
    for option in ("--name", "--host"):
        change.add_argument(option)
    for parser in (new, change):
        parser.add_argument("--serial", help="its serial number")
        parser.add_argument("--model", help="code or name, see `vprinter printers models`")
    new.add_argument("--code", dest="access_code", help="its access code (default: asked for)")
    change.add_argument("--code", dest="access_code", help="its access code")
    probe = group.command("probe", "look at it: address, identity, code, certificate, LAN mode", _probe)
    accept = group.command("accept", "trust the certificate that it shows now", _accept)
    accept.add_argument("fingerprint", help="SHA-256 of the certificate, as `show` and `probe` have it")
    commands = group.command("commands", "list what slicers told it to do, the newest first", _commands)
    delete = group.command("delete", "forget it", _delete)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    for parser in (show, change, probe, accept, commands, delete):
        parser.add_argument("printer", help="its id, the beginning of it, or its name")
    commands.add_argument("--refused", action="store_true", help="only what did not pass")
    commands.add_argument("--limit", type=int, default=50, help="how many (default: 50)")


def _list(desk: Desk, _arguments: Arguments) -> None:
    found = list(desk.api.every(PATH))
    rows = [
        (short(one["id"]), one["name"], one["model"], one["host"], one["status"]["state"], _printing(one["status"]))
        for one in found
    ]
    desk.out.items(found, ("id", "name", "model", "host", "state", "printing"), rows)


def _discovered(desk: Desk, _arguments: Arguments) -> None:
    found = desk.api.get(f"{PATH}/discovered")["items"]
    rows = [(one["host"], one["name"], one["model_name"], one["serial"]) for one in found]
    desk.out.items(found, ("host", "name", "model", "serial"), rows)
    if found:
        desk.out.note("add one: vprinter real add HOST")


def _add(desk: Desk, arguments: Arguments) -> None:
    code = arguments.access_code or desk.ask_secret(f"Access code of the printer at {arguments.host}: ")
    _tell(desk, desk.api.post(PATH, {**given(arguments, _NAMED), "access_code": code}))


def _show(desk: Desk, arguments: Arguments) -> None:
    _tell(desk, desk.find(PATH, WHAT, arguments.printer))


def _change(desk: Desk, arguments: Arguments) -> None:
    body = given(arguments, (*_NAMED, "access_code"))
    _tell(desk, desk.api.call("PATCH", f"{PATH}/{_id(desk, arguments)}", body))


def _probe(desk: Desk, arguments: Arguments) -> None:
    seen = desk.api.post(f"{PATH}/{_id(desk, arguments)}/probe")
    text = record(
        (
            ("address", seen["address"]),
            ("name", seen["name"]),
            ("model", seen["model"]),
            ("serial", seen["serial"]),
            ("firmware", seen["firmware"]),
            ("LAN mode", seen["lan_mode"]),
            ("developer mode", seen["developer_mode"]),
            ("code accepted", seen["code_accepted"]),
            ("certificate", seen["fingerprint"]),
            ("trusted", seen["trusted"]),
            ("problem", seen["error"] or seen["trouble"]),
            ("to do", seen["hint"]),
        )
    )
    ports = [(port["port"], "open" if port["open"] else "closed", port["error"] or "") for port in seen["ports"]]
    desk.out.answer(seen, f"{text}\n\n{table(('port', 'state', 'problem'), ports)}" if ports else text)


def _accept(desk: Desk, arguments: Arguments) -> None:
    path = f"{PATH}/{_id(desk, arguments)}/accept-certificate"
    _tell(desk, desk.api.post(path, {"fingerprint": arguments.fingerprint}))


def _commands(desk: Desk, arguments: Arguments) -> None:
    outcome = "refused" if arguments.refused else None
    found = list(desk.api.every("commands", arguments.limit, printer=_id(desk, arguments), outcome=outcome))
    rows = [(one["at"][:19], one["client"], one["command"], one["detail"], one["outcome"]) for one in found]
    desk.out.items(found, ("at", "client", "command", "about", "outcome"), rows)


def _delete(desk: Desk, arguments: Arguments) -> None:
    printer = desk.find(PATH, WHAT, arguments.printer)
    desk.confirm(f"Forget {printer['name']}?", yes=arguments.yes)
    desk.api.call("DELETE", f"{PATH}/{printer['id']}")


def _id(desk: Desk, arguments: Arguments) -> str:
    return desk.find_id(PATH, WHAT, arguments.printer)


def _tell(desk: Desk, printer: dict[str, Any]) -> None:
    status = printer["status"]
    text = record(
        (
            ("id", printer["id"]),
            ("name", printer["name"]),
            ("model", printer["model"]),
            ("serial", printer["serial"]),
            ("host", printer["host"]),
            ("trusted certificate", printer["fingerprint"]),
            ("used by", [user["name"] for user in printer["used_by"]]),
            ("state", status["state"]),
            ("printing", _printing(status)),
            ("problem", status["error"]),
            ("to do", status["hint"]),
            ("shown certificate", status["fingerprint"] if status["trouble"] == "certificate_changed" else None),
        )
    )
    desk.out.answer(printer, text)


def _printing(status: dict[str, Any]) -> str:
    percent = f"{status['percent']} %" if status["percent"] is not None and status["job"] else ""
    return " ".join(filter(None, (status["printing"], status["job"], percent)))
