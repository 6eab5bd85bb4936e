"""Overview: is it well, and what came in."""

from deploy.grafana.dashboard import Dashboard, Kind, Panel, Query, Row, Unit
from deploy.grafana.queries import P, grown, rate, total

OVERVIEW = Dashboard(
    "vprinter-overview",
    "Overview",
    "Is it well, and what came in.",
    [
        Row(
            "Is it well",
            [
                Panel(
                    "Services that answer",
                    [Query('min by (service) (up{job="vprinter"})', "{{service}}")],
                    Unit.YES_NO,
                    Kind.NUMBERS,
                    width=12,
                    height=4,
                    good_from=1,
                    alert="ServiceDown",
                ),
                Panel(
                    "Connected to NATS",
                    [Query("min(vprinter_bus_connected)")],
                    Unit.YES_NO,
                    Kind.NUMBERS,
                    width=3,
                    height=4,
                    good_from=1,
                    alert="NatsDisconnected",
                ),
                Panel(
                    "Listeners not open",
                    [Query(f"count(vprinter_listener_bound{{{P}}} == 0) or vector(0)")],
                    Unit.NUMBER,
                    Kind.NUMBERS,
                    width=3,
                    height=4,
                    bad_from=1,
                    alert="ListenerNotBound",
                ),
                Panel(
                    "Alerts that fire",
                    [Query('count(ALERTS{alertstate="firing"}) or vector(0)')],
                    Unit.NUMBER,
                    Kind.NUMBERS,
                    width=3,
                    height=4,
                    bad_from=1,
                ),
                Panel(
                    "Receipts that wait",
                    [Query("sum(vprinter_outbox_receipts)")],
                    Unit.NUMBER,
                    Kind.NUMBERS,
                    width=3,
                    height=4,
                    bad_from=10,
                    about="Files that are safe and that control has not heard of yet.",
                    alert="OutboxNotDraining",
                ),
                Panel(
                    "Alerts",
                    [Query("ALERTS")],
                    Unit.NUMBER,
                    Kind.TABLE,
                    width=24,
                    height=6,
                    about="Those that fire and those that are about to.",
                ),
            ],
        ),
        Row(
            "As a slicer sees it",
            [
                Panel(
                    "The prober gets through",
                    [Query(f"min by (stage) (vprinter_probe_success{{{P}}})", "{{stage}}")],
                    Unit.YES_NO,
                    Kind.NUMBERS,
                    width=12,
                    height=6,
                    good_from=1,
                    about="Empty where `vprinter probe` does not run.",
                ),
                Panel(
                    "Duration of its steps",
                    [Query(f"max by (stage) (vprinter_probe_duration_seconds{{{P}}})", "{{stage}}")],
                    Unit.SECONDS,
                    width=12,
                    height=6,
                ),
            ],
        ),
        Row(
            "What came in",
            [
                Panel(
                    "Files received",
                    [grown("vprinter_ftps_transfers_total", f'direction="upload", outcome="stored", {P}')],
                    Unit.NUMBER,
                    Kind.NUMBERS,
                    width=4,
                    height=4,
                ),
                Panel(
                    "Uploads refused",
                    [grown("vprinter_ftps_transfers_total", f'direction="upload", outcome="refused", {P}')],
                    Unit.NUMBER,
                    Kind.NUMBERS,
                    width=4,
                    height=4,
                    bad_from=1,
                    alert="UploadFailureRatio",
                ),
                Panel(
                    "Received", [grown("vprinter_ingest_bytes_total", P)], Unit.BYTES, Kind.NUMBERS, width=4, height=4
                ),
                Panel(
                    "In review", [Query('vprinter_items{kind="pending"}')], Unit.NUMBER, Kind.NUMBERS, width=4, height=4
                ),
                Panel(
                    "In the queue",
                    [Query('vprinter_items{kind="queue"}')],
                    Unit.NUMBER,
                    Kind.NUMBERS,
                    width=4,
                    height=4,
                ),
                Panel(
                    "In the archive",
                    [Query('vprinter_items{kind="archive"}')],
                    Unit.NUMBER,
                    Kind.NUMBERS,
                    width=4,
                    height=4,
                ),
                Panel(
                    "Uploads",
                    [rate("vprinter_ftps_transfers_total", "outcome", f'direction="upload", {P}')],
                    Unit.PER_SECOND,
                    width=12,
                    stacked=True,
                    about="probe: the little file with which a slicer tests whether it may write.",
                ),
                Panel(
                    "Slicers connected",
                    [
                        total("vprinter_mqtt_sessions", "printer", P, "MQTT {{printer}}"),
                        total("vprinter_ftps_sessions", "printer", P, "FTPS {{printer}}"),
                        total("vprinter_proxy_sessions", "printer", P, "proxy {{printer}}"),
                    ],
                    Unit.NUMBER,
                    width=12,
                ),
            ],
        ),
    ],
)
