"""What is worrying about a CA."""

from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import rsa

from vprinter_common.certs import CertificateAuthority

SOON = timedelta(days=180)
"""Time to walk to every slicer."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing, and what to do about it."""

    code: str
    text: str


def concerns(authority: CertificateAuthority) -> list[Concern]:
    """All of them, the worst first."""
    found, now = [], authority.clock()
    begins, ends = authority.certificate.not_valid_before_utc, authority.not_after
    if now >= ends:
        found.append(
            Concern(
                "ended",
                f"the CA ended on {ends:%Y-%m-%d}: no slicer connects any more. Renew it, and make every slicer trust the new one.",
            )
        )
    elif ends - now < SOON:
        found.append(
            Concern(
                "ends_soon",
                f"the CA ends on {ends:%Y-%m-%d}. Renew it with the same key now, and install the new certificate in every "
                "slicer before that day.",
            )
        )
    if now < begins:
        found.append(
            Concern(
                "not_yet_valid",
                f"the CA is valid from {begins:%Y-%m-%d} on, which is not yet: is this host's clock right?",
            )
        )
    if not isinstance(authority.key, rsa.RSAPrivateKey):
        found.append(
            Concern("not_rsa", "the CA's key is not RSA: some slicers will not accept it. Import an RSA one, or renew.")
        )
    return found
