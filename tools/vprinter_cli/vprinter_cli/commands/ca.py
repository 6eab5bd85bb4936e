"""`vprinter ca`: whom slicers must trust."""

import argparse
import os
from pathlib import Path
from typing import Any

from vprinter_cli.commands.desk import Arguments, Desk, Group
from vprinter_cli.exits import Exit, Failure
from vprinter_cli.output import moment, record

_PATH = "certificate-authority"
_MAX_PEM = 64 * 1024


def add(resources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands."""
    group = Group.add(resources, "ca", "the certificate authority that slicers must trust", _show)
    group.command("show", "fingerprints, validity, and what is worrying about it", _show)
    pem = group.command("pem", "its certificate", _pem)
    program = group.command("installer", "a program that makes the slicers of a computer trust it", _installer)
    program.add_argument("system", choices=("linux", "macos", "windows"))
    export = group.command("export", "certificate and private key, protected by a pass phrase", _export)
    for parser, needed in ((pem, False), (program, False), (export, True)):
        parser.add_argument("-o", "--output", metavar="FILE", required=needed, help="where to")
    bring = group.command("import", "use another host's export, or a CA of your own", _import)
    bring.add_argument("files", nargs="+", metavar="FILE", help="PEM: certificate and private key, in one file or two")
    renew = group.command("renew", "renew it", _renew)
    renew.add_argument("--new-key", action="store_true", help="make a wholly new one: every slicer must trust it anew")
    for parser in (bring, renew):
        parser.add_argument("--yes", action="store_true", help="do not ask")
    for parser in (export, bring):
        parser.add_argument("--passphrase-file", metavar="FILE", help="its first line (or VPRINTER_PASSPHRASE)")


def _show(desk: Desk, _arguments: Arguments) -> None:
    _tell(desk, desk.api.get(_PATH))


def _pem(desk: Desk, arguments: Arguments) -> None:
    _save(desk, desk.api.get(f"{_PATH}.pem"), arguments.output)


def _installer(desk: Desk, arguments: Arguments) -> None:
    _save(desk, desk.api.get(f"{_PATH}/installers/{arguments.system}"), arguments.output)


def _export(desk: Desk, arguments: Arguments) -> None:
    passphrase = _passphrase(arguments) or desk.ask_secret("Pass phrase for the private key: ")
    _save(desk, desk.api.post(f"{_PATH}/export", {"passphrase": passphrase}), arguments.output, private=True)


def _import(desk: Desk, arguments: Arguments) -> None:
    body: dict[str, Any] = {"pem": "\n".join(_read(Path(file)) for file in arguments.files)}
    if (passphrase := _passphrase(arguments)) is not None:
        body["passphrase"] = passphrase
    elif "ENCRYPTED" in body["pem"]:
        body["passphrase"] = desk.ask_secret("Pass phrase of the private key: ")
    _replace(desk, arguments, "import", body)


def _renew(desk: Desk, arguments: Arguments) -> None:
    if not arguments.new_key:
        _succeeded(desk, desk.api.post(f"{_PATH}/renew", {"key": "same"}))
        return
    _replace(desk, arguments, "renew", {"key": "new"})


def _replace(desk: Desk, arguments: Arguments, verb: str, body: dict[str, Any]) -> None:
    try:
        present = desk.api.get(_PATH)
    except Failure as failure:
        if verb != "import" or failure.code is not Exit.NOT_FOUND:
            raise
    else:
        desk.confirm(
            f"This replaces the CA {present['subject']} ({present['sha256']}).\n"
            "No slicer that trusts it connects until it trusts the new one. Go on?",
            yes=arguments.yes,
        )
        body["replaces"] = present["sha256"]
    _succeeded(desk, desk.api.post(f"{_PATH}/{verb}", body))


def _succeeded(desk: Desk, successor: dict[str, Any]) -> None:
    _tell(desk, successor)
    for step in successor["next_steps"]:
        desk.out.note(step)


def _tell(desk: Desk, authority: dict[str, Any]) -> None:
    text = record(
        (
            ("subject", authority["subject"]),
            ("sha256", authority["sha256"]),
            ("sha1", authority["sha1"]),
            ("from", moment(authority["not_before"])),
            ("until", moment(authority["not_after"])),
            ("key", authority["key"]),
            ("file", authority["path"]),
            *(("warning", one["text"]) for one in authority["warnings"]),
        )
    )
    desk.out.answer(authority, text)


def _passphrase(arguments: Arguments) -> str | None:
    if arguments.passphrase_file is not None:
        return _read(Path(arguments.passphrase_file)).splitlines()[0]
    return os.environ.get("VPRINTER_PASSPHRASE")


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_MAX_PEM)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from error


def _save(desk: Desk, text: str, output: str | None, *, private: bool = False) -> None:
    if output in (None, "-"):
        desk.out.answer(text, text.rstrip("\n"))
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}") from error
    desk.out.note(f"saved as {output}")
