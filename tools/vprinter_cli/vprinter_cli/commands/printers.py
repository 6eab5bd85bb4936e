"""`vprinter printers`: virtual printers and their access codes."""

import argparse
from typing import Any

from vprinter_cli.commands import real
from vprinter_cli.commands.desk import Arguments, Desk, Group, choose, given
from vprinter_cli.output import moment, record, short, size, table

_PATH = "virtual-printers"
_YesNo = argparse.BooleanOptionalAction
_MODES = ("immediate", "review", "queue", "proxy")


def add(resources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    group = Group.add(resources, "printers", "virtual printers and their access codes", _list)
    group.command("list", "list them", _list)
    show = group.command("show", "show one, with what keeps slicers away from it", _show)
    create = group.command("create", "make one", _create)
    create.add_argument("name")
    create.add_argument("--disabled", action="store_true", help="do not enable it yet")
    change = group.command("change", "change what is given", _change)
    enable = group.command("enable", "let slicers use it", _enable)
    disable = group.command("disable", "keep slicers away from it", _disable)
    delete = group.command("delete", "delete it; what it received stays", _delete)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    group.command("models", "list the models there are", _models)
    sessions = group.command("sessions", "list who is connected through a proxy, or disconnect somebody", _sessions)
    codes = group.command("codes", "list, add, rename, rotate or revoke its access codes", _codes)
    for parser in (show, change, enable, disable, delete, sessions, codes):
        parser.add_argument("printer", help="its id, the beginning of it, or its name")
    sessions.add_argument("--disconnect", metavar="SESSION", help="close this one")
    change.add_argument("--name")
    for parser in (create, change):
        _add_properties(parser)
    what = codes.add_mutually_exclusive_group()
    what.add_argument("--add", metavar="OWNER", help="a new code for this person")
    what.add_argument("--rotate", metavar="CODE_ID", help="a new code in the place of this one")
    what.add_argument("--revoke", metavar="CODE_ID", help="end this one, and the sessions that use it")
    what.add_argument("--rename", nargs=2, metavar=("CODE_ID", "OWNER"), help="say whose it is")


def _add_properties(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="code or name, see `vprinter printers models`; not for a proxy")
    parser.add_argument("--mode", choices=_MODES, help="what happens to received files")
    parser.add_argument("--code", dest="access_code", help="8 letters or digits")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--address", help="listen on this address")
    where.add_argument("--interface", help="listen on this interface")
    where.add_argument("--any", action="store_true", help="listen on all addresses of the host")
    parser.add_argument("--advertise", help="the address that slicers are told, if it is another one")
    parser.add_argument(
        "--target", help="the real printer behind it, or none: its id, the beginning of it, or its name"
    )
    parser.add_argument("--allow", choices=("view", "files", "control"), help="what slicers may do with the target")
    parser.add_argument("--ftp", choices=("terminate", "passthrough"), help="how a proxy relays files")
    parser.add_argument("--capture", action=_YesNo, help="keep a copy of each relayed file in the archive")
    parser.add_argument("--camera", action=_YesNo, help="relay the target's camera")


def _list(desk: Desk, _arguments: Arguments) -> None:
    found = list(desk.api.every(_PATH))
    rows = [
        (
            short(one["id"]),
            one["name"],
            one["model"],
            one["mode"],
            _where(one["bind"]),
            one["status"]["state"] if one["enabled"] else "disabled",
        )
        for one in found
    ]
    desk.out.items(found, ("id", "name", "model", "mode", "address", "state"), rows)


def _show(desk: Desk, arguments: Arguments) -> None:
    _tell(desk, desk.find(_PATH, "printer", arguments.printer))


def _create(desk: Desk, arguments: Arguments) -> None:
    body = {"name": arguments.name, "enabled": not arguments.disabled, **_properties(desk, arguments)}
    _tell(desk, desk.api.post(_PATH, body))


def _change(desk: Desk, arguments: Arguments) -> None:
    printer = desk.find(_PATH, "printer", arguments.printer)
    body = {**given(arguments, ["name"]), **_properties(desk, arguments)}
    if "relay" in body and printer["relay"] is not None:
        body["relay"] = {**printer["relay"], **body["relay"]}
    _tell(desk, desk.api.call("PATCH", f"{_PATH}/{printer['id']}", body))


def _enable(desk: Desk, arguments: Arguments) -> None:
    _tell(desk, desk.api.post(f"{_PATH}/{desk.find_id(_PATH, 'printer', arguments.printer)}/enable"))


def _disable(desk: Desk, arguments: Arguments) -> None:
    _tell(desk, desk.api.post(f"{_PATH}/{desk.find_id(_PATH, 'printer', arguments.printer)}/disable"))


def _delete(desk: Desk, arguments: Arguments) -> None:
    printer = desk.find(_PATH, "printer", arguments.printer)
    desk.confirm(f"Delete {printer['name']}? What it received stays.", yes=arguments.yes)
    desk.api.call("DELETE", f"{_PATH}/{printer['id']}")


def _models(desk: Desk, _arguments: Arguments) -> None:
    found = desk.api.get("models")["items"]
    desk.out.items(found, ("code", "name"), [(one["code"], one["name"]) for one in found])


def _codes(desk: Desk, arguments: Arguments) -> None:
    path = f"{_PATH}/{desk.find_id(_PATH, 'printer', arguments.printer)}/access-codes"
    if arguments.add is not None:
        _tell_codes(desk, [desk.api.post(path, {"owner": arguments.add})])
        return
    codes = desk.api.get(path)["items"]

    def one(given: str) -> str:
        return f"{path}/{choose(codes, 'access code', given)['id']}"

    if arguments.rotate is not None:
        _tell_codes(desk, [desk.api.call("PATCH", one(arguments.rotate), {"rotate": True})])
    elif arguments.rename is not None:
        _tell_codes(desk, [desk.api.call("PATCH", one(arguments.rename[0]), {"owner": arguments.rename[1]})])
    elif arguments.revoke is not None:
        desk.api.call("DELETE", one(arguments.revoke))
    else:
        _tell_codes(desk, codes)


def _sessions(desk: Desk, arguments: Arguments) -> None:
    path = f"{_PATH}/{desk.find_id(_PATH, 'printer', arguments.printer)}/sessions"
    found = [{**one, "id": one["session"]} for one in desk.api.get(path)["items"]]
    if arguments.disconnect is not None:
        desk.api.post(f"{path}/{choose(found, 'session', arguments.disconnect)['id']}/disconnect")
        return
    rows = [
        (
            short(one["id"]),
            one["client"],
            one["owner"],
            one["port"] or one["service"],
            moment(one["since"]),
            size(one["to_target"]),
            size(one["to_client"]),
            one["last_command"],
        )
        for one in found
    ]
    heads = ("id", "client", "owner", "port", "since", "to printer", "to slicer", "last command")
    desk.out.items(found, heads, rows)


def _tell_codes(desk: Desk, codes: list[dict[str, Any]]) -> None:
    rows = [(short(one["id"]), one["owner"], one["code"], moment(one["last_used_at"])) for one in codes]
    desk.out.items(codes, ("id", "owner", "code", "last used"), rows)


def _tell(desk: Desk, printer: dict[str, Any]) -> None:
    status = printer["status"]
    text = record(
        (
            ("id", printer["id"]),
            ("name", printer["name"]),
            ("model", printer["model"]),
            ("serial", printer["serial"]),
            ("mode", printer["mode"]),
            ("address", _where(printer["bind"])),
            ("advertised", printer["advertise"]),
            ("target", printer["target"]),
            ("relay", _relay(printer["relay"])),
            ("access code", "the real printer's own" if printer["mode"] == "proxy" else printer["access_code"]),
            ("state", status["state"] if printer["enabled"] else "disabled"),
            ("problem", status["error"]),
        )
    )
    listeners = [
        (service["service"], one["name"], f"{one['address']}:{one['port']}", one["state"], one["error"] or "")
        for service in status["services"].values()
        for one in service["listeners"]
    ]
    ports = table(("service", "listener", "at", "state", "problem"), listeners)
    desk.out.answer(printer, f"{text}\n\n{ports}" if ports else text)


def _properties(desk: Desk, arguments: Arguments) -> dict[str, Any]:
    found = given(arguments, ("model", "mode", "access_code", "advertise"))
    if arguments.address is not None:
        found["bind"] = {"address": arguments.address}
    elif arguments.interface is not None:
        found["bind"] = {"interface": arguments.interface}
    elif arguments.any:
        found["bind"] = {"any": True}
    if arguments.target is not None:
        none = arguments.target == "none"
        found["target"] = None if none else desk.find_id(real.PATH, real.WHAT, arguments.target)
    if relay := given(arguments, ("allow", "ftp", "capture", "camera")):
        found["relay"] = relay
    return found


def _relay(relay: dict[str, Any] | None) -> str | None:
    if relay is None:
        return None
    extras = [name for name in ("capture", "camera") if relay[name]]
    return ", ".join((relay["allow"], relay["ftp"], *extras))


def _where(bind: dict[str, Any]) -> str:
    return str(bind.get("address") or bind.get("interface") or "any")
