"""Settings that every service reads from the environment (`VPRINTER_…`, nested by `__`)."""

import re
import socket
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class NatsSettings(Section):
    """How to reach NATS."""

    url: str = "nats://127.0.0.1:4222"
    """One URL, or several separated by commas for a cluster."""
    user: str | None = None
    """User name; none = no authentication."""
    password: SecretStr | None = None
    """Password of that user."""
    ca_file: Path | None = None
    """CA certificate for TLS towards NATS; none = no TLS, which is meant for loopback only."""
    replicas: int = Field(default=1, ge=1, le=5)
    """Replicas of streams and buckets; 3 on a three-node cluster."""


class ObjectStoreSettings(Section):
    """An S3-compatible store for the files."""

    bucket: str | None = None
    """Bucket of an S3-compatible store for the files; none = the data directory alone."""
    prefix: str = "vprinter"
    """Folder in the bucket."""
    endpoint: str | None = None
    """URL of the store, as http://10.0.0.5:9000; none = Amazon's."""
    region: str = "us-east-1"
    """Region; most other stores take any."""
    access_key: SecretStr | None = None
    """Access key id; none = what the surroundings give (instance role, web identity)."""
    secret_key: SecretStr | None = None
    """Secret access key."""
    spool_hours: float = Field(default=24.0, gt=0)
    """Hours that a file stays in this node's data directory after it came."""


class LogSettings(Section):
    """How to log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level that is written."""
    format: Literal["console", "json"] = "json"
    """`console` for people, `json` for collectors."""


class AdminSettings(Section):
    """Where `/metrics`, `/livez` and `/readyz` are served."""

    host: str = "127.0.0.1"
    """Address; loopback by default, because metrics are for the operator only."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port; 0 = the service's own default (discovery 9301, ftps 9302, mqtt 9303, proxy 9304, control 9305)."""


class CommonSettings(BaseSettings):
    """What all services share."""

    model_config = SettingsConfigDict(
        env_prefix="VPRINTER_",
        env_nested_delimiter="__",
        env_ignore_empty=True,  # compose passes on what nobody set as an empty text
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    data_dir: Path = Path("data")
    """Directory of everything that is kept."""
    node: str = Field(default_factory=socket.gethostname)
    """Name of this node; must be unique among hosts that share one NATS."""
    nats: NatsSettings = NatsSettings()
    objects: ObjectStoreSettings = ObjectStoreSettings()
    log: LogSettings = LogSettings()
    admin: AdminSettings = AdminSettings()
    addresses: tuple[str, ...] = ()
    """Only these IPv4 addresses of the host are used; none = all that the host has."""

    @field_validator("node")
    @classmethod
    def _safe(cls, value: str) -> str:
        return re.sub(r"[^A-Za-z0-9_-]", "-", value)[:64] or "node"

    @property
    def blobs_dir(self) -> Path:
        """Where files rest."""
        return self.data_dir / "blobs"

    @property
    def outbox_dir(self) -> Path:
        """Where receipts wait for NATS."""
        return self.data_dir / "outbox"

    @property
    def certs_dir(self) -> Path:
        """Where the CA is (the path that users know)."""
        return self.data_dir / "virtual_printer" / "certs"


ADMIN_PORTS = {"discovery": 9301, "ftps": 9302, "mqtt": 9303, "proxy": 9304, "control": 9305}
"""Default admin port of each service."""
