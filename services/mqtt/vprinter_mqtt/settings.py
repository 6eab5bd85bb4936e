"""Settings of the mqtt service."""

from pydantic import Field

from vprinter_common.runtime.settings import CommonSettings, Section


class MqttSection(Section):
    """`VPRINTER_MQTT__…`"""

    port: int = Field(default=8883, ge=1, le=65535)
    """TCP port of the MQTT listener; slicers connect to 8883 only."""
    max_clients: int = Field(default=500, ge=1)
    """Connections to one printer at once; each costs about 40 KiB."""


class MqttSettings(CommonSettings):
    """All settings of the mqtt service."""

    mqtt: MqttSection = MqttSection()
