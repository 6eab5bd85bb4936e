"""The CA and the printers' certificates, off the event loop."""

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeVar

from vprinter_common.certs import CERTIFICATE_FILE, CaError, CertificateAuthority, Clock, Leaf, earlier, utc_now
from vprinter_control.domain.refusal import NotThere, Unable

T = TypeVar("T")

RENEW_BEFORE = timedelta(days=30)


class Trust:
    """The CA's directory. It is read anew each time: it may have been copied from another host meanwhile."""

    def __init__(self, directory: Path, clock: Clock = utc_now) -> None:
        self.certificate_file = directory / CERTIFICATE_FILE
        self.clock = clock
        self._directory = directory

    async def existing(self) -> CertificateAuthority | None:
        """The CA; None as long as no printer was enabled. Unable if it cannot be used."""

        def load() -> CertificateAuthority | None:
            if not self.certificate_file.exists():
                return None
            return CertificateAuthority.load(self._directory, self.clock)

        return await _unless_unusable(asyncio.to_thread(load))

    async def present(self) -> CertificateAuthority:
        """The CA; NotThere as long as no printer was enabled."""
        authority = await self.existing()
        if authority is None:
            raise NotThere("certificate authority yet", "(it is made when a printer is enabled for the first time)")
        return authority

    async def authority(self) -> CertificateAuthority:
        """The CA, made if there is none. Unable if it cannot be used."""
        return await _unless_unusable(
            asyncio.to_thread(CertificateAuthority.load_or_create, self._directory, self.clock)
        )

    async def earlier(self) -> list[str]:
        """The certificates, in PEM, of the CAs that this one replaced."""
        return [pem.decode("ascii", "replace") for pem in await asyncio.to_thread(earlier, self._directory)]

    async def install(self, authority: CertificateAuthority, predecessor: CertificateAuthority | None) -> None:
        """Make this the CA from now on; the one before is kept. Unable if the directory cannot be written."""

        def install() -> None:
            try:
                if predecessor is None:
                    authority.save(self._directory)
                else:
                    authority.succeed(predecessor, self._directory)
            except OSError as error:
                raise CaError(f"{error.filename or self._directory} cannot be written: {error.strerror}") from error

        await _unless_unusable(asyncio.to_thread(install))

    async def issue(self, serial: str, addresses: Iterable[IPv4Address], key_pem: str | None) -> Leaf:
        """A certificate for a printer, with its old key if it has one."""
        authority = await self.authority()

        def issue() -> Leaf:
            return authority.issue(serial, addresses, key_pem=key_pem)

        return await _unless_unusable(asyncio.to_thread(issue))

    async def holds(self, chain_pem: str) -> bool:
        """Whether a certificate is the present CA's own, with that CA's present certificate behind it."""
        authority = await self.authority()
        return await asyncio.to_thread(authority.signed, chain_pem) and chain_pem.endswith(authority.certificate_pem)


async def _unless_unusable(work: Awaitable[T]) -> T:
    try:
        return await work
    except CaError as error:
        raise Unable("certificate_authority_unusable", str(error)) from error
