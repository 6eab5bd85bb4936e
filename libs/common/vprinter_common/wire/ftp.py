"""The FTP control channel: command lines, replies, and the two replies that open a data channel. RFC 959, 2428, 854."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address

MAX_LINE = 4096
"""Bytes of one command line, its end included; a longer one is an attack or not FTP."""

_MAX_VERB = 8
_IAC = 0xFF
_FIRST_TELNET_COMMAND = 0xF0
_TELNET_OPTIONS = range(0xFB, 0xFF)  # WILL, WONT, DO, DONT: one more byte follows

_PASV = re.compile(r"\b(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})\b", re.ASCII)
_EPSV = re.compile(r"\(([!-~])\1\1(\d{1,5})\1\)", re.ASCII)
_LINE_ENDS = re.compile(r"[\r\n\0]+")


class FtpSyntaxError(ValueError):
    """The peer did not speak FTP; the message says where."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line: the verb in upper case, and what follows the first space, else the empty string."""

    verb: str
    argument: str = ""

    def __str__(self) -> str:
        """As it may be logged: a password is never shown."""
        argument = "***" if self.verb == "PASS" else self.argument
        return f"{self.verb} {argument}".rstrip()


def parse_command(line: bytes) -> Command:
    """One line, with or without its end. Text is UTF-8, else Latin-1, which older clients send."""
    if len(line) > MAX_LINE:
        raise FtpSyntaxError(f"a command line of more than {MAX_LINE} bytes")
    raw = clean_line(line)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    verb, _, argument = text.partition(" ")
    if not (verb.isascii() and verb.isalpha() and len(verb) <= _MAX_VERB):
        raise FtpSyntaxError(f"{verb[:20]!r} is not an FTP verb")
    return Command(verb.upper(), argument)


def clean_line(line: bytes) -> bytes:
    """A command line without its end, and without anything in it that a server might take for one."""
    return _without_telnet(line.rstrip(b"\r\n\0")).translate(None, b"\r\n\0")


def _without_telnet(line: bytes) -> bytes:
    """ABOR is often wrapped in telnet's interrupt; 0xFF before anything else is a Latin-1 letter."""
    if _IAC not in line:
        return line
    kept = bytearray()
    position = 0
    while position < len(line):
        byte, following = line[position], line[position + 1] if position + 1 < len(line) else 0
        if byte != _IAC or following < _FIRST_TELNET_COMMAND:
            kept.append(byte)
            position += 1
        elif following == _IAC:  # telnet's way to write the letter
            kept.append(_IAC)
            position += 2
        else:
            position += 3 if following in _TELNET_OPTIONS else 2
    return bytes(kept)


def reply(code: int, *lines: str) -> bytes:
    """A reply of one or more lines; a line end within a line cannot start another reply."""
    clean = [_LINE_ENDS.sub(" ", line) for line in lines or ("",)]
    *first, last = clean
    if not first:
        return f"{code} {last}\r\n".encode(errors="replace")
    head, *middle = first
    # A middle line that began with digits would be taken for the last one, so each begins with a space.
    body = "".join(f" {line}\r\n" for line in middle)
    return f"{code}-{head}\r\n{body}{code} {last}\r\n".encode(errors="replace")


def pasv_reply(address: IPv4Address, port: int) -> bytes:
    """227: where to connect, as six numbers."""
    numbers = [*address.packed, port >> 8, port & 0xFF]
    return reply(227, f"Entering Passive Mode ({','.join(map(str, numbers))}).")


def epsv_reply(port: int) -> bytes:
    """229: the port only; the client keeps to the address it knows, which also works behind NAT."""
    return reply(229, f"Entering Extended Passive Mode (|||{port}|)")


def parse_pasv(text: str) -> tuple[IPv4Address, int]:
    """Address and port of a 227 reply. Some printers say 0.0.0.0: then the control channel's address is meant."""
    found = _PASV.search(text[:MAX_LINE])
    numbers = [int(number) for number in found.groups()] if found else []
    if not numbers or max(numbers) > 255 or not any(numbers[4:]):
        raise FtpSyntaxError(f"no address and port in {text[:80]!r}")
    return IPv4Address(bytes(numbers[:4])), numbers[4] << 8 | numbers[5]


def parse_epsv(text: str) -> int:
    """The port of a 229 reply."""
    found = _EPSV.search(text[:MAX_LINE])
    port = int(found[2]) if found else 0
    if not 0 < port < 65536:
        raise FtpSyntaxError(f"no port in {text[:80]!r}")
    return port
