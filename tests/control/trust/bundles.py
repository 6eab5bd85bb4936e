"""What `printer.cer` may hold before an installer runs, and what it must hold after: one table for every installer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from textwrap import wrap

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vprinter_common.certs import CA_NAME


@cache
def certificate(name: str, number: int = 0) -> str:
    """A certificate of this name as PEM; another one for each number."""
    key = ec.generate_private_key(ec.SECP256R1())  # made faster than one of RSA
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


OURS = certificate(CA_NAME)
OLDER = certificate(CA_NAME, 1)
BROUGHT = certificate("Workshop CA")
"""An earlier CA of this installation that had a name of its own."""
FIRST, SECOND, THIRD = (certificate(f"Printer maker {number}") for number in range(3))
STOCK = FIRST + SECOND + THIRD


def crlf(text: str) -> str:
    """As Windows has lines."""
    return text.replace("\n", "\r\n")


def rewrapped(pem: str) -> str:
    """The same certificate in lines of another length."""
    begin, *body, end = pem.splitlines()
    return "\n".join([begin, *wrap("".join(body), 76), end, ""])


@dataclass(frozen=True, slots=True)
class Case:
    """A bundle before, after an install, and after a removal."""

    name: str
    before: str
    after: str
    removed: str
    says: str


CASES = (
    Case("no final newline", STOCK[:-1], STOCK + OURS, STOCK[:-1], "appended"),
    Case("final newline", STOCK, STOCK + OURS, STOCK, "appended"),
    Case("one certificate", FIRST[:-1], FIRST + OURS, FIRST[:-1], "appended"),
    Case("lines of Windows", crlf(STOCK), crlf(STOCK + OURS), crlf(STOCK), "appended"),
    Case(
        "text in between",
        f"# from the maker\n\n{FIRST}\n\n  # the second\n{SECOND}\n",
        f"# from the maker\n\n{FIRST}\n\n  # the second\n{SECOND}\n{OURS}",
        f"# from the maker\n\n{FIRST}\n\n  # the second\n{SECOND}\n",
        "appended",
    ),
    Case("an older one of ours", FIRST + OLDER + SECOND, FIRST + SECOND + OURS, FIRST + SECOND, "replaced an older"),
    Case("an older one by another name", FIRST + BROUGHT, FIRST + OURS, FIRST, "replaced an older"),
    Case("ours twice", OURS + FIRST + OURS, FIRST + OURS, FIRST, "was there 2 times"),
    Case("ours already", FIRST + OURS + SECOND, FIRST + OURS + SECOND, FIRST + SECOND, "nothing to do"),
    Case(
        "ours in other lines",
        FIRST + rewrapped(OURS),
        FIRST + rewrapped(OURS),
        FIRST,
        "nothing to do",
    ),
    Case("appended by hand to the last line", FIRST[:-1] + OURS, FIRST + OURS, FIRST, "repaired"),
    Case("nothing but ours", OLDER, OURS, "", "WARNING: it holds no other certificate"),
    Case("empty", "", OURS, "", "WARNING: it holds no other certificate"),
)

DAMAGED = (
    ("cut off", STOCK[: len(STOCK) - 200]),
    ("a certificate without an end", FIRST.replace("-----END CERTIFICATE-----\n", "") + SECOND),
)
