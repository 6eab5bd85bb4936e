"""The CA and the printers' certificates, off the event loop."""

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeVar

from vprinter_common.certs import CERTIFICATE_FILE, CaError, CertificateAuthority, Clock, Leaf, utc_now
from vprinter_control.domain.refusal import Unable

T = TypeVar("T")

RENEW_BEFORE = timedelta(days=30)


class Trust:
    """The CA's directory. It is read anew each time: it may have been copied from another host meanwhile."""

    def __init__(self, directory: Path, clock: Clock = utc_now) -> None:
        self.certificate_file = directory / CERTIFICATE_FILE
        self._directory = directory
        self._clock = clock

    async def existing(self) -> CertificateAuthority | None:
        """The CA; None as long as no printer was enabled. Unable if it cannot be used."""

        def load() -> CertificateAuthority | None:
            if not self.certificate_file.exists():
                return None
            return CertificateAuthority.load(self._directory, self._clock)

        return await _unless_unusable(asyncio.to_thread(load))

    async def authority(self) -> CertificateAuthority:
        """The CA, made if there is none. Unable if it cannot be used."""
        return await _unless_unusable(
            asyncio.to_thread(CertificateAuthority.load_or_create, self._directory, self._clock)
        )

    async def issue(self, serial: str, addresses: Iterable[IPv4Address], key_pem: str | None) -> Leaf:
        """A certificate for a printer, with its old key if it has one."""
        authority = await self.authority()

        def issue() -> Leaf:
            return authority.issue(serial, addresses, key_pem=key_pem)

        return await _unless_unusable(asyncio.to_thread(issue))

    async def holds(self, chain_pem: str) -> bool:
        """Whether a certificate is the present CA's and not about to end."""
        authority = await self.authority()
        return await asyncio.to_thread(authority.signed, chain_pem)


async def _unless_unusable(work: Awaitable[T]) -> T:
    try:
        return await work
    except CaError as error:
        raise Unable("certificate_authority_unusable", str(error)) from error
