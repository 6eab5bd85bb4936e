"""Settings of the control service."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from vprinter_common.custody import CustodySection
from vprinter_common.probe.ports import SlicerPorts
from vprinter_common.runtime.settings import CommonSettings


class ControlSection(CustodySection):
    """`VPRINTER_CONTROL__…`"""

    host: str = "0.0.0.0"
    """Address of the API and page."""
    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port of the API and page; 0 = any free one."""
    database_url: SecretStr | None = None
    """SQLAlchemy URL (`postgresql://user:password@host/name`); none = SQLite in the data directory."""
    gc_interval: float = Field(default=60.0, gt=0)
    """Seconds between two looks for files that nobody refers to."""
    gc_grace: float = Field(default=600.0, ge=0)
    """Seconds that such a file must not have come in again before it is deleted."""
    events_kept: int = Field(default=50_000, ge=100)
    """Events that the feed can be resumed over; older ones are forgotten."""
    audit_days: int = Field(default=365, ge=1)
    """Days that the audit trail goes back."""
    discard_grace: float = Field(default=60.0, ge=0)
    """Seconds that a discarded upload can be restored."""
    event_clients: int = Field(default=64, ge=1)
    """Clients of the event feed at once."""
    trusted_proxies: tuple[IPv4Network, ...] = ()
    """Reverse proxies (addresses or networks) whose X-Forwarded-For, -Proto and -Host are believed."""


class ControlSettings(CommonSettings):
    """All settings of the control service."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    control: ControlSection = ControlSection()
    doctor: SlicerPorts = SlicerPorts()
    """Where the doctor plays the slicer."""
    admin_token: Annotated[SecretStr, Field(min_length=16, max_length=200)] | None = None
    """Admin token of the API, at least 16 characters; none = one is made at the first start."""
    outside: IPv4Address | None = Field(default=None, validation_alias="VIRTUAL_PRINTER_PASV_ADDRESS")
    """Behind Docker's bridge or NAT: the host's address as slicers see it. New printers advertise it, if they say nothing else."""

    @property
    def control_dir(self) -> Path:
        """Where the embedded database is."""
        return self.data_dir / "control"

    @property
    def database_url(self) -> str:
        """URL of the database."""
        given = self.control.database_url
        return given.get_secret_value() if given else f"sqlite:///{(self.control_dir / 'control.db').absolute()}"
