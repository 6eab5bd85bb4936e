"""What `vprinter` reads from the environment: its own settings, and the ports of the services it runs."""

from typing import Annotated

from pydantic import ConfigDict, Field, SecretStr

from vprinter_common.probe.ports import SlicerPorts
from vprinter_common.runtime.settings import CommonSettings, Section
from vprinter_common.wire import detect, ssdp


class UpSettings(Section):
    """How `vprinter up` runs the system."""

    admin_port_base: int = Field(default=9301, ge=0, le=65500)
    """First of the services' admin ports, which serve metrics and health; 0 = free ports."""
    nats_port: int = Field(default=4222, ge=0, le=65535)
    """Port of NATS on 127.0.0.1; 0 = a free port, which is also taken when this one is not free."""


class ProbeSettings(SlicerPorts):
    """How `vprinter probe` plays the slicer."""

    interval: float = Field(default=60.0, ge=1.0)
    """Seconds between two rounds."""
    admin_port: int = Field(default=9306, ge=1, le=65535)
    """Port of its metrics and health, unless `VPRINTER_ADMIN__PORT` says another."""


class _OfService(Section):
    """Part of a service's section: what else stands there is the service's own affair."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ControlPorts(_OfService):
    """Where the API and the page are."""

    host: str = "0.0.0.0"
    port: int = Field(default=8000, ge=0, le=65535)


class DiscoveryPorts(_OfService):
    """Where slicers find and bind the printer."""

    ssdp_port: int = Field(default=ssdp.PORT, ge=0, le=65535)
    detect_port: int = Field(default=detect.PLAIN_PORT, ge=0, le=65535)
    detect_tls_port: int = Field(default=detect.TLS_PORT, ge=0, le=65535)


class FtpsPorts(_OfService):
    """Where slicers upload."""

    port: int = Field(default=990, ge=0, le=65535)


class MqttPorts(_OfService):
    """Where slicers talk to the printer."""

    port: int = Field(default=8883, ge=0, le=65535)


class ProxyPorts(_OfService):
    """Where slicers find what a real printer has besides MQTT and FTPS."""

    rtsps_port: int = Field(default=322, ge=1, le=65535)
    tunnel_port: int = Field(default=6000, ge=1, le=65535)


class Settings(CommonSettings):
    """All that `vprinter` itself needs to know; everything else passes through to the services."""

    admin_token: Annotated[SecretStr, Field(min_length=16, max_length=200)] | None = None
    """An admin token of your own choice, as control takes it; none = one is made at the first start."""
    up: UpSettings = UpSettings()
    probe: ProbeSettings = ProbeSettings()
    control: ControlPorts = ControlPorts()
    discovery: DiscoveryPorts = DiscoveryPorts()
    ftps: FtpsPorts = FtpsPorts()
    mqtt: MqttPorts = MqttPorts()
    proxy: ProxyPorts = ProxyPorts()

    @property
    def external_nats(self) -> bool:
        """Whether somebody else runs NATS: then its URL is given."""
        return "url" in self.nats.model_fields_set
