"""Desired state: what a virtual printer should be. Written by control only."""

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from vprinter_common.catalog import model as catalog_model
from vprinter_common.contracts.message import Identifier, Message

Secret = Annotated[SecretStr, PlainSerializer(SecretStr.get_secret_value, when_used="json")]
"""Hidden in repr and logs, plain in the JSON that goes to the edges: this bucket is what carries it."""

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a certificate's DER form."""


class Mode(StrEnum):
    """What happens to a received file."""

    IMMEDIATE = "immediate"
    REVIEW = "review"
    QUEUE = "queue"
    PROXY = "proxy"


class _Value(BaseModel):
    # An error quotes its input, which may be a code or a key.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Bind(_Value):
    """Where the printer's listeners are: one address, the address of one interface, or every address of the node."""

    address: IPv4Address | None = None
    interface: str | None = Field(default=None, min_length=1, max_length=15)
    any: bool = False

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum((self.address is not None, self.interface is not None, self.any)) != 1:
            raise ValueError('bind takes exactly one of "address", "interface" and "any": true')
        if self.address is not None and (self.address.is_multicast or self.address.is_unspecified):
            raise ValueError(f'{self.address} is not the address of one host; for all addresses say "any": true')
        return self

    def __str__(self) -> str:
        return "any" if self.any else str(self.address or self.interface)


class AccessCode(_Value):
    """A code that lets a slicer in; its owner is who sends with it."""

    id: Identifier
    owner: str = Field(default="", max_length=100)
    code: Secret

    @field_validator("code")
    @classmethod
    def _eight(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if len(text) != 8 or not (text.isascii() and text.isalnum()):
            raise ValueError("an access code is exactly 8 letters or digits")
        return value


class Certificate(_Value):
    """What the printer shows in TLS: leaf and CA certificate, and the leaf's private key, all PEM."""

    chain_pem: str
    key_pem: Secret


class PortRange(_Value):
    """An inclusive range of TCP ports for passive data connections."""

    low: int = Field(ge=1, le=65535)
    high: int = Field(ge=1, le=65535)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"the port range starts at {self.low}, after its end {self.high}")
        return self

    def __len__(self) -> int:
        return self.high - self.low + 1


class Target(_Value):
    """The real printer behind a proxy, or the one that another virtual printer mirrors."""

    id: Identifier
    """Its id in control; status and reports bear it."""
    host: str = Field(min_length=1, max_length=253)
    """IPv4 address or DNS name; a name is resolved anew for every connection."""
    serial: str = Field(min_length=1, max_length=32)
    model: str
    access_code: Secret
    fingerprint: Fingerprint | None = None
    """The certificate that is trusted; None = whichever is seen first."""


class Allow(StrEnum):
    """What slicers may do with the real printer; each includes those before it."""

    VIEW = "view"
    """See its status."""
    FILES = "files"
    """Send, list, read and delete files."""
    CONTROL = "control"
    """Everything: start and stop prints, move, heat, set up."""


class FtpRelay(StrEnum):
    """How a proxy relays FTPS."""

    TERMINATE = "terminate"
    """TLS on both sides: our certificate for the slicer; addresses and ports are rewritten."""
    PASSTHROUGH = "passthrough"
    """Raw bytes: the printer's own certificate reaches the slicer."""


class Relay(_Value):
    """What passes between slicers and the target."""

    allow: Allow = Allow.CONTROL
    """For a proxy. A printer that only mirrors its target forwards commands with `control` alone."""
    ftp: FtpRelay = FtpRelay.TERMINATE
    capture: bool = False
    """Keep a copy of every relayed file in the archive; needs `terminate`."""
    camera: bool = True
    """Relay the target's camera and file-tunnel ports too."""


DEFAULT_PASSIVE_PORTS = PortRange(low=50000, high=50100)
AUXILIARY_DATA_PORTS = PortRange(low=2024, high=2026)
"""Data ports of the FTPS servers of a real A1 or P1, beside the usual ones."""


class VirtualPrinter(Message):
    """A virtual printer as it should be. Everything about addresses is derived from `bind` and `advertise`."""

    id: Identifier
    revision: int = Field(ge=0)
    name: str = Field(min_length=1, max_length=100)
    enabled: bool
    mode: Mode
    model: str
    serial: str = Field(min_length=1, max_length=32)
    access_codes: tuple[AccessCode, ...] = ()
    bind: Bind
    advertise: IPv4Address | None = None
    passive_ports: PortRange = DEFAULT_PASSIVE_PORTS
    pasv_address: IPv4Address | None = None
    target: Target | None = None
    """Required in proxy mode; in the other modes the real printer whose filaments and progress are shown."""
    relay: Relay = Relay()
    certificate: Certificate
    announce_to: tuple[IPv4Address, ...] = Field(default=(), max_length=64)
    """Hosts that also get every announcement by unicast: behind a VPN or in another VLAN."""

    @field_validator("model")
    @classmethod
    def _known(cls, value: str) -> str:
        return catalog_model(value).code
