"""Whose certificate it is and who issued it, read from its DER bytes (RFC 5280 §4.1).

All that the relay needs of a printer's certificate; a library that knows the rest costs each process 8 MB of memory.
Nothing here judges a certificate: that is done by whoever compares its names and its fingerprint.
"""

from dataclasses import dataclass

_SEQUENCE, _SET, _OBJECT_ID, _INTEGER, _VERSION = 0x30, 0x31, 0x06, 0x02, 0xA0
_TEXT = {
    0x0C: "utf-8",  # UTF8String
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString, as everybody reads it
    0x16: "ascii",  # IA5String
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
_TYPES = {
    b"\x55\x04\x03": "CN",
    b"\x55\x04\x05": "serialNumber",
    b"\x55\x04\x06": "C",
    b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST",
    b"\x55\x04\x0a": "O",
    b"\x55\x04\x0b": "OU",
}
"""Attribute types (2.5.4.x) by their short names; others are shown by their object id's bytes in hexadecimal."""
_MAX_ATTRIBUTES = 32

Attribute = tuple[str, str]
"""Type and value; a value that is no text is shown as `#` and its bytes in hexadecimal."""


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    """The attributes in their order."""

    attributes: tuple[Attribute, ...]

    @property
    def common_name(self) -> str | None:
        """The first CN, if there is one."""
        return next((value for kind, value in self.attributes if kind == "CN"), None)

    def __str__(self) -> str:
        """For people, the most specific attribute first: `CN=printer,O=maker`."""
        return ",".join(f"{kind}={value}" for kind, value in reversed(self.attributes))


@dataclass(frozen=True, slots=True)
class CertificateNames:
    """The two names of a certificate."""

    issuer: DistinguishedName
    subject: DistinguishedName


class _Reader:
    """Elements of DER, one after another; raises ValueError where there is none that fits."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def tag(self) -> int | None:
        """What comes next; None at the end."""
        return self._data[self._at] if self._at < len(self._data) else None

    def take(self, tag: int) -> bytes:
        """What is in the next element, which must be one of these."""
        if self.tag != tag:
            raise ValueError(f"{_shown(self.tag)} at byte {self._at} where {_shown(tag)} should be")
        start = self._at + 2
        length = int.from_bytes(self._data[start - 1 : start])
        if length >= 0x80:  # so many bytes of length follow
            size = length & 0x7F
            length = int.from_bytes(self._data[start : start + size])
            start += size
        if start + length > len(self._data):
            raise ValueError(f"it breaks off after {len(self._data)} bytes")
        self._at = start + length
        return self._data[start : self._at]


def certificate_names(der: bytes) -> CertificateNames:
    """Read the names; raises ValueError if these bytes do not begin as a certificate does."""
    fields = _Reader(_Reader(_Reader(der).take(_SEQUENCE)).take(_SEQUENCE))
    if fields.tag == _VERSION:
        fields.take(_VERSION)
    fields.take(_INTEGER)
    _algorithm, issuer, _validity, subject = [fields.take(_SEQUENCE) for _ in range(4)]
    return CertificateNames(_name(issuer), _name(subject))


def _name(data: bytes) -> DistinguishedName:
    names, attributes = _Reader(data), list[Attribute]()
    while names.tag is not None:
        alternatives = _Reader(names.take(_SET))
        while alternatives.tag is not None:
            attributes.append(_attribute(_Reader(alternatives.take(_SEQUENCE))))
            if len(attributes) > _MAX_ATTRIBUTES:
                raise ValueError(f"a name of more than {_MAX_ATTRIBUTES} attributes")
    return DistinguishedName(tuple(attributes))


def _attribute(reader: _Reader) -> Attribute:
    kind = reader.take(_OBJECT_ID)
    tag = reader.tag
    if tag is None:
        raise ValueError("an attribute without a value")
    value, encoding = reader.take(tag), _TEXT.get(tag)
    return _TYPES.get(kind) or kind.hex(), value.decode(encoding, "replace") if encoding else f"#{value.hex()}"


def _shown(tag: int | None) -> str:
    return "the end" if tag is None else f"an element {tag:#04x}"
