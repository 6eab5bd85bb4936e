"""Settings of the proxy service (`VPRINTER_PROXY__…`)."""

from pydantic import Field

from vprinter_common.custody import CustodySection
from vprinter_common.runtime.settings import CommonSettings, Section
from vprinter_common.wire import detect as wire_detect


class PrinterPorts(Section):
    """Where real printers listen; other values than the defaults are for tests with simulated ones."""

    detect: int = Field(default=wire_detect.PLAIN_PORT, ge=1, le=65535)
    """TCP port of detect in clear text."""
    detect_tls: int = Field(default=wire_detect.TLS_PORT, ge=1, le=65535)
    """TCP port of detect over TLS."""
    mqtt: int = Field(default=8883, ge=1, le=65535)
    """TCP port of MQTT."""
    ftps: int = Field(default=990, ge=1, le=65535)
    """TCP port of FTPS."""
    rtsps: int = Field(default=322, ge=1, le=65535)
    """TCP port of the camera of X1, P2 and H2."""
    tunnel: int = Field(default=6000, ge=1, le=65535)
    """TCP port of the file tunnel; the camera of A1 and P1."""


class ProxySection(CustodySection):
    """What concerns the proxy only; the limits on files are those of captured copies."""

    mqtt_port: int = Field(default=8883, ge=1, le=65535)
    """Where slicers find MQTT."""
    ftps_port: int = Field(default=990, ge=1, le=65535)
    """Where slicers find FTPS; they know 990 only, so another one needs a redirect in front."""
    rtsps_port: int = Field(default=322, ge=1, le=65535)
    """Where slicers find the camera of X1, P2 and H2."""
    tunnel_port: int = Field(default=6000, ge=1, le=65535)
    """Where slicers find the file tunnel, or the camera of A1 and P1."""
    printers: PrinterPorts = PrinterPorts()


class ProxySettings(CommonSettings):
    """All settings of the proxy service."""

    proxy: ProxySection = ProxySection()
