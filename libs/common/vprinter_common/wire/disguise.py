"""A printer's messages as if another one had said them: its serial number and its addresses are replaced.

Whole addresses are replaced, never pieces: 192.168.1.1 inside 192.168.1.10 is another address.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from vprinter_common.wire.report import ReportError, ip_as_u32_le, ip_from_u32_le


class Disguise:
    """Replaces one printer's serial number by another, and all its addresses by one."""

    def __init__(self, serial: str, hosts: Iterable[str], *, as_serial: str, as_address: str) -> None:
        """`hosts`: addresses and names of the printer that speaks."""
        self._words = {host.casefold(): as_address for host in hosts if host}
        self._numbers: dict[int, int] = {}
        for word in self._words:
            with suppress(ReportError):
                self._numbers[ip_as_u32_le(word)] = ip_as_u32_le(as_address)
        patterns = [re.escape(serial)]
        if self._words:
            longest_first = sorted(self._words, key=len, reverse=True)
            # A word ends where no further letter, digit or dash follows, nor a dot with one of these.
            patterns.append(rf"(?<![\w-])(?<![\w-]\.)(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])(?!\.[\w-])")
        self._words[serial.casefold()] = as_serial
        self._pattern = re.compile("|".join(patterns), re.IGNORECASE | re.ASCII)

    def text(self, text: str) -> str:
        """A text with its words replaced."""
        return self._pattern.sub(lambda found: self._words[found[0].casefold()], text)

    def value(self, value: object) -> object:
        """A JSON value, replaced in all its depth: `sn` and other texts, and `ip`, which is a number."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return self.message(value)
            case list():
                return [self.value(item) for item in value]
            case _:
                return value

    def message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON object, replaced in all its depth."""
        return {self.text(name): self._field(name, item) for name, item in message.items()}

    def _field(self, name: str, value: object) -> object:
        if name == "ip" and isinstance(value, int) and not isinstance(value, bool):
            return self._numbers.get(value, value)
        return self.value(value)


def told_addresses(report: Mapping[str, object]) -> list[str]:
    """The addresses that a `print` object gives in `net.info`, those of every interface that is in use."""
    found = []
    match report.get("net"):
        case {"info": list(entries)}:
            for entry in entries:
                match entry:
                    case {"ip": int(number)} if number:
                        with suppress(ReportError):
                            found.append(ip_from_u32_le(number))
    return found
