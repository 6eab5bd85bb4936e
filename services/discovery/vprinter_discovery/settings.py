"""Settings of the discovery service."""

from pydantic import Field

from vprinter_common.runtime.settings import CommonSettings, Section
from vprinter_common.wire import detect, ssdp


class DiscoverySection(Section):
    """Ports; slicers know only the defaults, other values are for redirects and tests."""

    ssdp_port: int = Field(default=ssdp.PORT, ge=1, le=65535)
    """UDP port that announcements come from and go to, and that searches arrive at."""
    detect_port: int = Field(default=detect.PLAIN_PORT, ge=1, le=65535)
    """TCP port that answers detect in clear text."""
    detect_tls_port: int = Field(default=detect.TLS_PORT, ge=1, le=65535)
    """TCP port that answers detect with TLS."""


class DiscoverySettings(CommonSettings):
    """Everything the discovery service reads from the environment."""

    discovery: DiscoverySection = DiscoverySection()
