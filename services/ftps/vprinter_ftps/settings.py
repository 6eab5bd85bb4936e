"""Settings of the ftps service (`VPRINTER_FTPS__…`)."""

from ipaddress import IPv4Address

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vprinter_common.custody import CustodySection
from vprinter_common.runtime.settings import CommonSettings


class FtpsSection(CustodySection):
    """What concerns the FTPS server only."""

    port: int = Field(default=990, ge=1, le=65535)
    """Control port; slicers know 990 only, so another one needs a redirect in front."""
    pasv_address: IPv4Address | None = None
    """Address told in PASV replies; none = the printer's own setting, else the address it advertises."""
    login_timeout: float = Field(default=60.0, gt=0)
    """Seconds until a client must have logged in."""
    idle_timeout: float = Field(default=300.0, gt=0)
    """Seconds without a command or a running transfer until the session is closed; real printers take as long."""
    connect_timeout: float = Field(default=30.0, gt=0)
    """Seconds until the data connection must be there: slow links need several round trips."""
    stall_timeout: float = Field(default=60.0, gt=0)
    """Seconds without a byte until a transfer is broken off."""
    silence: float = Field(default=2.0, ge=0)
    """Seconds until a download's silent peer, who may be waiting for us to begin in the clear, is taken at its PROT."""
    sessions_per_address: int = Field(default=64, ge=1)
    """Control connections of one client address; behind Docker's bridge or NAT many slicers share one."""
    sessions_total: int = Field(default=200, ge=1, le=1000)
    """Control connections in all."""
    parallel_uploads: int = Field(default=64, ge=1, le=1000)
    """Uploads received at the same time; more wait for their turn with the connection open."""
    upload_rate: int | None = Field(default=None, ge=1024)
    """Bytes per second of one upload at most; none = as fast as it comes."""


class FtpsSettings(CommonSettings):
    """All settings of the ftps service."""

    # Compose files pass variables on that nobody has set: as empty strings.
    model_config = SettingsConfigDict(env_ignore_empty=True)

    ftps: FtpsSection = FtpsSection()
    pasv_address: IPv4Address | None = Field(default=None, validation_alias="VIRTUAL_PRINTER_PASV_ADDRESS")
    """The name under which users know `VPRINTER_FTPS__PASV_ADDRESS`; that one wins."""

    @property
    def forced_pasv_address(self) -> IPv4Address | None:
        """The address that PASV replies tell, if one is set for the whole service."""
        return self.ftps.pasv_address or self.pasv_address
