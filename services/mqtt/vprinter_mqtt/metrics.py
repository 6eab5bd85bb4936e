"""Metrics of the mqtt service."""

from prometheus_client import CollectorRegistry

from vprinter_common.metrics import declared


class Metrics:
    """Counters by printer; commands come from a closed list, everything else is "other"."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sessions = declared.MQTT_SESSIONS.create(registry)
        self.messages = declared.MQTT_MESSAGES.create(registry)
        self.rejected = declared.MQTT_REJECTED.create(registry)
        self.render = declared.MQTT_REPORTS.create(registry)
