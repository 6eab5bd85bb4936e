"""Protocols: what slicers and printers say: discovery, detect, TLS, MQTT, FTPS."""

from deploy.grafana.dashboard import Dashboard, Panel, Query, Row, Unit
from deploy.grafana.queries import P, rate, total

PROTOCOLS = Dashboard(
    "vprinter-protocols",
    "Protocols",
    "What slicers and printers say: discovery, detect, TLS, MQTT, FTPS.",
    [
        Row(
            "Discovery and detect",
            [
                Panel(
                    "Announcements",
                    [rate("vprinter_discovery_announcements_total", "kind", P)],
                    Unit.PER_SECOND,
                    width=6,
                ),
                Panel(
                    "Searches",
                    [
                        rate("vprinter_discovery_searches_total", "printer", P, "answered {{printer}}"),
                        Query(
                            "sum(rate(vprinter_discovery_search_refusals_total[$__rate_interval]))", "refused: too many"
                        ),
                    ],
                    Unit.PER_SECOND,
                    width=6,
                ),
                Panel(
                    "Detect", [rate("vprinter_detect_requests_total", "listener, outcome", P)], Unit.PER_SECOND, width=6
                ),
                Panel(
                    "Real printers heard",
                    [Query("vprinter_discovery_heard_printers", "{{instance}}")],
                    Unit.NUMBER,
                    width=6,
                ),
            ],
        ),
        Row(
            "TLS and logins",
            [
                Panel("Handshakes", [rate("vprinter_tls_handshakes_total", "listener, outcome")], Unit.PER_SECOND),
                Panel(
                    "Handshakes that failed, by reason",
                    [rate("vprinter_tls_handshakes_total", "listener, reason", 'outcome="failed"')],
                    Unit.PER_SECOND,
                    about="unknown_ca: a slicer that does not trust our CA. not_tls, eof, timeout: mostly who scans the network.",
                    alert="TlsHandshakeFailures",
                ),
                Panel(
                    "Logins",
                    [rate("vprinter_logins_total", "service, outcome", P)],
                    Unit.PER_SECOND,
                    about="braked: refused unseen, for a minute, after five wrong codes.",
                    alert="AuthFailures",
                ),
            ],
        ),
        Row(
            "MQTT",
            [
                Panel("Slicers logged in", [total("vprinter_mqtt_sessions", "printer", P)], Unit.NUMBER, width=6),
                Panel("Messages", [rate("vprinter_mqtt_messages_total", "direction", P)], Unit.PER_SECOND, width=6),
                Panel(
                    "Commands of slicers",
                    [rate("vprinter_mqtt_messages_total", "command", f'direction="in", {P}')],
                    Unit.PER_SECOND,
                    width=6,
                ),
                Panel(
                    "Connections that we closed",
                    [rate("vprinter_mqtt_rejected_connections_total", "reason", P)],
                    Unit.PER_SECOND,
                    width=6,
                ),
            ],
        ),
        Row(
            "FTPS",
            [
                Panel(
                    "Sessions",
                    [
                        total("vprinter_ftps_sessions", "printer", P, "open {{printer}}"),
                        Query(
                            f"sum(rate(vprinter_ftps_refused_sessions_total{{{P}}}[$__rate_interval])) or vector(0)",
                            "refused each second",
                        ),
                    ],
                    Unit.NUMBER,
                    width=6,
                ),
                Panel(
                    "Transfers",
                    [rate("vprinter_ftps_transfers_total", "direction, outcome", P)],
                    Unit.PER_SECOND,
                    width=6,
                ),
                Panel(
                    "Data connections, by security",
                    [rate("vprinter_ftps_data_channels_total", "security")],
                    Unit.PER_SECOND,
                    width=6,
                    about="clear: OrcaSlicer sends so in spite of PROT P.",
                ),
                Panel(
                    "Data connections of strangers",
                    [
                        Query(
                            f"sum(rate(vprinter_ftps_foreign_data_peers_total{{{P}}}[$__rate_interval])) or vector(0)",
                            "refused",
                        )
                    ],
                    Unit.PER_SECOND,
                    width=6,
                ),
            ],
        ),
    ],
)
