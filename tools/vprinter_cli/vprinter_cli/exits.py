"""How commands end. The numbers are stable: scripts rely on them."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes."""

    DONE = 0
    FAILED = 1
    """The server refused it, or it could not be done."""
    USAGE = 2
    """The command line is wrong (argparse's own code)."""
    UNREACHABLE = 3
    """No server answered."""
    NOT_ALLOWED = 4
    """No token, a wrong one, or one that may not do this."""
    NOT_FOUND = 5
    """There is no such thing."""


class Failure(Exception):  # noqa: N818 - how a command ends, not a mistake
    """End the command with this message and exit code."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code
