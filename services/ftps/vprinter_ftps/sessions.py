"""How many control connections there may be."""

from collections import Counter


class SessionLimits:
    """Counts control connections, in all and by client address."""

    def __init__(self, per_address: int, total: int) -> None:
        self._per_address = per_address
        self._total = total
        self._open: Counter[str] = Counter()

    def admit(self, address: str) -> str | None:
        """Count a connection, or say why it is refused; an admitted one must be released."""
        if self._open.total() >= self._total:
            return f"too many sessions ({self._total}); try again later"
        if self._open[address] >= self._per_address:
            return f"too many sessions from {address} ({self._per_address}); close some first"
        self._open[address] += 1
        return None

    def release(self, address: str) -> None:
        """A connection has ended."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
