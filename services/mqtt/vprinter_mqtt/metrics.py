"""Metrics of the mqtt service."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """Counters by printer; commands come from a closed list, everything else is "other"."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sessions = Gauge("vprinter_mqtt_sessions", "Slicers logged in", ["printer"], registry=registry)
        self.messages = Counter(
            "vprinter_mqtt_messages",
            "Messages taken from and sent to slicers",
            ["printer", "direction", "command"],
            registry=registry,
        )
        self.rejected = Counter(
            "vprinter_mqtt_rejected_connections",
            "Connections closed by the printer",
            ["printer", "reason"],
            registry=registry,
        )
        self.render = Counter("vprinter_mqtt_reports_rendered", "Status reports rendered", registry=registry)
