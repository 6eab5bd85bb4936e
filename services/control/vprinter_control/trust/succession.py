"""One CA after another, on command only: renewal and import. The printers' certificates follow at once."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from vprinter_common.certs import CertificateAuthority
from vprinter_control.domain.refusal import Conflict
from vprinter_control.printers import Printers
from vprinter_control.store.events import EventType, record
from vprinter_control.trust.authority import Trust
from vprinter_control.trust.candidate import candidate

log = structlog.get_logger()


class RenewedKey(StrEnum):
    """What a renewal does to the key."""

    SAME = "same"
    """Slicers that trust the old certificate go on until its end."""
    NEW = "new"
    """Every slicer must be told to trust the new certificate before it connects again."""


@dataclass(slots=True)
class Succession:
    """Puts another CA in the place of the present one."""

    trust: Trust
    printers: Printers

    async def renew(self, key: RenewedKey, replaces: str | None) -> CertificateAuthority:
        """A new term for the CA, or a new CA. A new key needs the old one's fingerprint as a confirmation."""
        present = await self.trust.present()
        if key is RenewedKey.SAME:
            successor = await asyncio.to_thread(present.reissued)
        else:
            _confirm(present, replaces)
            successor = await asyncio.to_thread(CertificateAuthority.generate, self.trust.clock)
        await self._follow(present, successor, EventType.AUTHORITY_RENEWED)
        return successor

    async def adopt(self, pem: str, passphrase: str | None, replaces: str | None) -> CertificateAuthority:
        """Use a CA from elsewhere. One that is there already must be confirmed by its fingerprint."""
        successor = await asyncio.to_thread(candidate, pem, passphrase, self.trust.clock)
        present = await self.trust.existing()
        if present is not None:
            if present.fingerprint_sha256 == successor.fingerprint_sha256:
                return present
            _confirm(present, replaces)
        await self._follow(present, successor, EventType.AUTHORITY_IMPORTED)
        return successor

    async def _follow(
        self, present: CertificateAuthority | None, successor: CertificateAuthority, event: EventType
    ) -> None:
        before = present.fingerprint_sha256 if present else None
        await self.trust.install(successor, present)
        async with self.printers.database.write() as session:
            record(session, self.printers.clock(), event, **named(successor), before=before)
        log.warning("certificate_authority_replaced", sha256=successor.fingerprint_sha256, before=before)
        await self.printers.keep_certificates()


def named(authority: CertificateAuthority) -> dict[str, Any]:
    """How events tell of a CA."""
    return {
        "authority": authority.fingerprint_sha256.replace(":", "").lower(),
        "name": authority.certificate.subject.rfc4514_string(),
    }


def _confirm(present: CertificateAuthority, replaces: str | None) -> None:
    if replaces is None or replaces.replace(":", "").upper() != present.fingerprint_sha256.replace(":", ""):
        raise Conflict(
            "confirmation_needed",
            "every slicer that trusts the present CA would have to be told to trust the new one before it connects again",
            field="replaces",
            hint=f'to go on, send "replaces": "{present.fingerprint_sha256}", the fingerprint of the present CA',
        )
