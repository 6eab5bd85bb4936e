"""What is printed when the system runs: where things are and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass

from vprinter_cli.outlook import PrinterOutlook

_RULE = "─" * 78


@dataclass(frozen=True, slots=True)
class Welcome:
    """All that is told."""

    page: str
    page_answers: bool
    token: str | None
    """The new admin token; None if it is no news."""
    token_is_given: bool
    """Whether the user chose the token by VPRINTER_ADMIN_TOKEN."""
    ca: str
    """Where the CA certificate is."""
    printers: Sequence[PrinterOutlook]
    show_codes: bool
    """Whether access codes may be told: always to a person at a terminal, into a file or journal at the first start only."""
    stop: str
    """How to stop it."""


def render(welcome: Welcome) -> str:
    """The whole block."""
    parts = [_head(welcome)]
    parts += [_printer(printer, show_code=welcome.show_codes) for printer in welcome.printers]
    if not welcome.printers:
        parts.append("No printer is enabled. Make one on the page, or by the API at /api/docs.")
    parts.append(_next_steps(welcome))
    body = "\n\n".join(parts)
    return f"\n{_RULE}\n{body}\n{_RULE}\n\n"


def _head(welcome: Welcome) -> str:
    lines = [f"Virtual Printer is running. {welcome.stop}", "", _row("Page", welcome.page)]
    if not welcome.page_answers:
        lines.append(_row("", "does not answer yet: see the lines of `control` above"))
    lines.append(_row("Admin token", _token(welcome)))
    if welcome.token is not None:
        lines.append(_row("", "(shown this once: keep it)"))
    return "\n".join(lines)


def _token(welcome: Welcome) -> str:
    if welcome.token is not None:
        return welcome.token
    if welcome.token_is_given:
        return "the one in VPRINTER_ADMIN_TOKEN"
    return "was shown at the first start; lost? start once with VPRINTER_ADMIN_TOKEN=<16 characters or more>"


def _printer(printer: PrinterOutlook, *, show_code: bool) -> str:
    codes = ", ".join(printer.access_codes) or "none yet: give it one on the page"
    lines = [
        _row("Printer", f"{printer.name} ({printer.model}, {printer.mode} mode)"),
        _row("Address", printer.address),
        _row("Access code", codes if show_code else "was shown at the first start, and is shown on a terminal"),
    ]
    if printer.problems:
        lines.append(_row("Not reachable", "slicers will not get through until this is solved:"))
        lines += [f"    - {problem}" for problem in printer.problems]
    return "\n".join(lines)


def _next_steps(welcome: Welcome) -> str:
    installers = f"{welcome.page}/api/v1/certificate-authority/installers"
    return f"""\
  CA             {welcome.ca}

  Next, once per slicer:
  1. Let it trust the CA. On the slicer's computer:
       Linux, macOS  curl -fsSo trust.sh {installers}/linux
                     sh trust.sh
       Windows       iwr -UseBasicParsing {installers}/windows -OutFile trust.ps1
                     powershell -ExecutionPolicy Bypass -File trust.ps1
     Then quit the slicer completely and start it anew. (By hand: append the CA to the slicer's printer.cer.)
  2. In the slicer's Device tab add the printer by its address and access code, and send."""


def _row(name: str, value: str) -> str:
    return f"  {name:<14} {value}"
