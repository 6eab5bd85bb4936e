"""Names on certificates, as a library that knows all of X.509 reads them; and bytes that are none."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type as Asn1Type
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.certificate_names import certificate_names

SHORT = {
    NameOID.COMMON_NAME: "CN",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.TITLE: "55040c",
}
LONG_LIVED = timedelta(days=36500)
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(issuer: x509.Name, subject: x509.Name) -> bytes:
    built = (
        x509.CertificateBuilder(issuer, subject, key().public_key(), 0x7F00 << 128)
        .not_valid_before(MIDNIGHT)
        .not_valid_after(MIDNIGHT + LONG_LIVED)
        .sign(key(), hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.DER)


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    return bytes([tag, 0x82]) + length.to_bytes(2) + content


def version_one(subject: bytes) -> bytes:
    """A certificate's beginning, by hand: no version, no issuer's attributes, and nothing after the names."""
    return element(
        0x30, element(0x30, element(2, b"\1"), element(0x30), element(0x30), element(0x30), element(0x30, subject))
    )


def attribute(tag: int, value: bytes, kind: bytes = b"\x55\x04\x03") -> bytes:
    return element(0x31, element(0x30, element(6, kind), element(tag, value)))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=64).filter(
    lambda text: len(text.encode()) <= 64  # more is refused by the library that writes them
)
names = st.lists(
    st.builds(
        lambda kind, value: x509.RelativeDistinguishedName([x509.NameAttribute(kind, value)]),
        st.sampled_from(list(SHORT)),
        texts,
    ),
    max_size=8,
).map(x509.Name)


def attributes(name: x509.Name) -> tuple[tuple[str, str], ...]:
    return tuple((SHORT[each.oid], str(each.value)) for each in name)


@given(names, names)
def test_the_names_are_those_that_were_written(issuer: x509.Name, subject: x509.Name) -> None:
    read = certificate_names(certificate(issuer, subject))
    assert (read.issuer.attributes, read.subject.attributes) == (attributes(issuer), attributes(subject))
    commons = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert read.subject.common_name == (commons[0].value if commons else None)


@pytest.mark.parametrize(
    ("kind", "tag", "value"),
    [
        (Asn1Type.UTF8String, 0x0C, "Größe 12"),
        (Asn1Type.PrintableString, 0x13, "01P00A"),
        (Asn1Type.IA5String, 0x16, "a@b.example"),
        (Asn1Type.BMPString, 0x1E, "Größe"),
        (Asn1Type.UniversalString, 0x1C, "Größe"),
    ],
)
def test_every_kind_of_text_is_read(kind: Asn1Type, tag: int, value: str) -> None:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, value, kind)]
    der = certificate(x509.Name([]), x509.Name(attributes))
    assert bytes([tag]) in der
    assert certificate_names(der).subject.common_name == value


@pytest.mark.parametrize(
    ("tag", "value", "shown"),
    [(0x14, b"Gr\xf6\xdfe", "Größe"), (0x12, b"12", "12"), (0x0C, b"\xff1", "\ufffd1"), (0x03, b"\0\xff", "#00ff")],
    ids=["Teletex", "numeric", "not even UTF-8", "bits"],
)
def test_what_no_library_writes_is_shown_all_the_same(tag: int, value: bytes, shown: str) -> None:
    assert certificate_names(version_one(attribute(tag, value))).subject.common_name == shown


def test_people_read_the_most_specific_first() -> None:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Maker"),
            x509.NameAttribute(NameOID.COMMON_NAME, "01P00A"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, "7"),
            x509.NameAttribute(ObjectIdentifier("1.2.3"), "more"),
        ]
    )
    read = certificate_names(certificate(x509.Name([]), subject))
    assert str(read.subject) == "2a03=more,serialNumber=7,CN=01P00A,O=Maker"
    assert str(read.issuer) == ""


@pytest.mark.parametrize(
    ("der", "why"),
    [
        (b"", "the end at byte 0 where an element 0x30 should be"),
        (b"GET / HTTP/1.1", "an element 0x47 at byte 0"),
        (b"\x30", "an element 0x30 at byte 0|breaks off|the end"),
        (element(0x30, b"\x30\x84\xff\xff\xff\xff"), "breaks off after 6 bytes"),
        (element(0x30, element(0x30, element(0x04))), "0x04 at byte 0 where an element 0x02"),
        (version_one(element(0x31, element(0x30, element(6, b"\x55\x04\x03")))), "an attribute without a value"),
        (version_one(attribute(0x0C, b"x") * 33), "more than 32 attributes"),
    ],
    ids=["nothing", "text", "one byte", "too long", "no serial number", "no value", "too many"],
)
def test_what_is_no_certificate_is_refused(der: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        certificate_names(der)


@given(st.integers(0, 80), st.lists(st.tuples(st.integers(0, 79), st.integers(0, 255)), max_size=4))
def test_no_bytes_make_it_fail_in_another_way(length: int, changes: list[tuple[int, int]]) -> None:
    broken = bytearray(version_one(attribute(0x0C, b"01P00A") * 3)[:length])
    for at, value in changes:
        broken[at : at + 1] = bytes([value])
    with suppress(ValueError):
        certificate_names(bytes(broken))
