"""Who may log in: access codes, and the brake on guessing that ftps and mqtt share over the bus."""

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from vprinter_common.contracts.printer import AccessCode

USER = "bblp"
"""The one user name of every Bambu printer."""

MAX_FAILURES = 5
WINDOW = 60.0
"""Five failed logins from one address within 60 s: refused for 60 s."""
MAX_ADDRESSES = 10_000
"""Addresses remembered at once; the one not seen for longest is forgotten first."""


def match_code(codes: Iterable[AccessCode], password: bytes) -> AccessCode | None:
    """The access code that equals the password; takes the same time whichever character differs."""
    found = None
    for code in codes:
        if hmac.compare_digest(code.code.get_secret_value().encode(), password):
            found = code
    return found


def still_there(code: AccessCode, codes: Iterable[AccessCode]) -> AccessCode | None:
    """What became of the code that a session began with: itself, its owner perhaps named anew; None = it is gone.

    A code that was replaced is gone too: whoever knew it is kept out from then on.
    """
    for one in codes:
        if (one.id, one.code) == (code.id, code.code):
            return one
    return None


class LoginBrake:
    """Counts failed logins by client address in a sliding window."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> bool:
        """Count a failure (ours, or one that another service published); True if it was the one that closes the door."""
        now = self._clock()
        times = self._failures.setdefault(address, deque(maxlen=MAX_FAILURES))
        self._failures.move_to_end(address)
        was_closed = self._closed(times, now)
        times.append(now)
        while len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return not was_closed and self._closed(times, now)

    def succeeded(self, address: str) -> None:
        """Forget an address's failures."""
        self._failures.pop(address, None)

    def refused_for(self, address: str) -> float:
        """Seconds for which the address is still refused; 0 = it may try."""
        times = self._failures.get(address)
        now = self._clock()
        if times is None or not self._closed(times, now):
            return 0.0
        return times[-1] + WINDOW - now

    @staticmethod
    def _closed(times: deque[float], now: float) -> bool:
        return len(times) == MAX_FAILURES and times[-1] - times[0] < WINDOW and now - times[-1] < WINDOW
