"""`python -m vprinter_mqtt`: the mqtt service."""

from vprinter_common.fleet.reconcile import edge_body
from vprinter_common.runtime.service import run
from vprinter_mqtt.edge import MqttEdge
from vprinter_mqtt.settings import MqttSettings


def main() -> None:
    """Run the service until SIGTERM."""
    settings = MqttSettings()
    run("mqtt", settings, lambda runtime: edge_body(runtime, MqttEdge(runtime, settings.mqtt)))


if __name__ == "__main__":
    main()
