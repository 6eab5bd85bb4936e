"""The ports at which a slicer looks for a printer."""

from pydantic import Field

from vprinter_common.runtime.settings import Section
from vprinter_common.wire import detect, ssdp


class SlicerPorts(Section):
    """Slicers know the defaults only; other values are for tests of a system on ports of its own."""

    ssdp_port: int = Field(default=ssdp.PORT, ge=1, le=65535)
    """UDP port at which announcements are listened for."""
    detect_port: int = Field(default=detect.PLAIN_PORT, ge=1, le=65535)
    """TCP port that is asked in clear text who is there."""
    detect_tls_port: int = Field(default=detect.TLS_PORT, ge=1, le=65535)
    """TCP port that is asked the same over TLS."""
    mqtt_port: int = Field(default=8883, ge=1, le=65535)
    """TCP port of MQTT."""
    ftps_port: int = Field(default=990, ge=1, le=65535)
    """TCP port of FTPS; where ftps listens at another one, this is the one that must be redirected."""
