"""What every command has at hand, and how commands are declared."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vprinter_cli.client import Api
from vprinter_cli.exits import Exit, Failure
from vprinter_cli.output import Output

_FULL_ID = 32

Arguments = argparse.Namespace


@dataclass(frozen=True, slots=True)
class Desk:
    """The API, the place to print, and the person."""

    api: Api
    out: Output
    ask: Callable[[str], str]
    """Asks the person; raises Failure if nobody is there to answer."""
    ask_secret: Callable[[str], str]
    """The same without showing what is typed."""

    def find(self, path: str, what: str, given: str) -> dict[str, Any]:
        """The item that is meant by its id, the beginning of its id, or its name."""
        if _is_id(given):
            found: dict[str, Any] = self.api.get(f"{path}/{given}")
            return found
        return self.pick(path, what, given)

    def find_id(self, path: str, what: str, given: str, **query: Any) -> str:
        """Only its id."""
        return given if _is_id(given) else str(self.pick(path, what, given, **query)["id"])

    def pick(self, path: str, what: str, given: str, **query: Any) -> dict[str, Any]:
        """The same from the list, where there is no way to get one alone."""
        return choose(list(self.api.every(path, **query)), what, given)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only if the person, or the option `--yes`, says so."""
        if not yes and self.ask(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
            raise Failure("nothing was changed")


Run = Callable[[Desk, Arguments], None]


@dataclass(frozen=True, slots=True)
class Group:
    """A resource and its commands; without a command, `list` or `show` is run."""

    parser: argparse.ArgumentParser
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]"

    @classmethod
    def add(
        cls, resources: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, run: Run
    ) -> "Group":
        """Declare a resource; `run` is what it does without a command."""
        parser = resources.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        add_common(parser)
        parser.set_defaults(run=run)
        return cls(parser, parser.add_subparsers(metavar="COMMAND"))

    def command(self, name: str, text: str, run: Run) -> argparse.ArgumentParser:
        """Declare a command."""
        parser = self.commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        add_common(parser)
        parser.set_defaults(run=run)
        return parser


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options of every API command; they may stand before the command's name or after it."""
    silent = argparse.SUPPRESS
    parser.add_argument("--url", default=silent, help="the server (VPRINTER_URL; default: the one on this host)")
    parser.add_argument("--token-file", default=silent, metavar="FILE", help="file with the token (VPRINTER_TOKEN)")
    parser.add_argument("--json", action="store_true", default=silent, help="print JSON, as the API has it")


def choose(items: Sequence[dict[str, Any]], what: str, given: str) -> dict[str, Any]:
    """The one item that is meant."""
    matches = [item for item in items if item["id"] == given or item.get("name") == given]
    matches = matches or [item for item in items if item["id"].startswith(given)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise Failure(f"{given} is more than one {what}: give more of the id")
    raise Failure(f"there is no {what} {given}", Exit.NOT_FOUND)


def _is_id(text: str) -> bool:
    return len(text) == _FULL_ID and text.isalnum()


def given(arguments: Arguments, names: Iterable[str]) -> dict[str, Any]:
    """The options that were given, by the API's names."""
    return {name: value for name in names if (value := getattr(arguments, name, None)) is not None}
