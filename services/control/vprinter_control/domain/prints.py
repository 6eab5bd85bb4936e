"""Prints that slicers asked real printers for, as proxies saw it."""

from datetime import datetime, timedelta
from hashlib import sha256

from vprinter_common.contracts.facts import CommandOutcome, CommandRelayed, JobRequested

PROJECT_FILE = "print.project_file"
TOGETHER = timedelta(seconds=2)
"""The request and the note that it passed are of one moment."""


def print_of(fact: CommandRelayed) -> JobRequested | None:
    """The print that a command asks for; None if it is another command, or did not pass, or names no file."""
    filename = fact.detail.rpartition("/")[2]
    if fact.command != PROJECT_FILE or fact.outcome is not CommandOutcome.PASSED or not filename:
        return None
    job = print_id(fact.printer, fact.client, fact.at)
    return JobRequested(job=job, printer=fact.printer, filename=filename, client=fact.client, at=fact.at)


def print_id(printer: str, client: str, at: datetime) -> str:
    """The id of a print of which nothing but the command is known."""
    return sha256(f"{printer} {client} {at.timestamp()}".encode()).hexdigest()[:32]
