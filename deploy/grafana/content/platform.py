"""Platform: the processes and NATS."""

from deploy.grafana.dashboard import Dashboard, Kind, Panel, Query, Row, Unit
from deploy.grafana.queries import P, rate, total

PLATFORM = Dashboard(
    "vprinter-platform",
    "Platform",
    "The processes and NATS.",
    [
        Row(
            "Processes",
            [
                Panel(
                    "Delay of the event loop: 99 %",
                    [Query("service_instance:vprinter_event_loop_lag_seconds:p99_5m", "{{service}} {{instance}}")],
                    Unit.SECONDS,
                    bad_from=0.5,
                    alert="EventLoopLag",
                ),
                Panel(
                    "Processor",
                    [rate("process_cpu_seconds_total", "service", 'job="vprinter"')],
                    Unit.SHARE,
                    about="100 % = one core.",
                ),
                Panel(
                    "Memory",
                    [total("process_resident_memory_bytes", "service", 'job="vprinter"')],
                    Unit.BYTES,
                    stacked=True,
                ),
                Panel(
                    "Descriptors in use",
                    [
                        Query(
                            'process_open_fds{job="vprinter"} / process_max_fds{job="vprinter"}',
                            "{{service}} {{instance}}",
                        )
                    ],
                    Unit.SHARE,
                    bad_from=0.8,
                ),
                Panel(
                    "Garbage collections",
                    [rate("python_gc_collections_total", "service", 'job="vprinter", generation="2"')],
                    Unit.PER_SECOND,
                    about="Full ones.",
                ),
                Panel(
                    "Running since",
                    [Query('time() - process_start_time_seconds{job="vprinter"}', "{{service}} {{instance}}")],
                    Unit.SECONDS,
                    Kind.NUMBERS,
                    alert="ServiceDown",
                ),
                Panel("Versions", [Query("vprinter_build_info")], Unit.NUMBER, Kind.TABLE),
                Panel("Printers served", [Query("vprinter_printers", "{{service}} {{instance}}")], Unit.NUMBER),
                Panel(
                    "Restarts of printers",
                    [rate("vprinter_printer_restarts_total", "service", P)],
                    Unit.PER_SECOND,
                    about="Because their address, certificate or ports changed.",
                ),
            ],
        ),
        Row(
            "NATS",
            [
                Panel(
                    "Connected",
                    [Query("vprinter_bus_connected", "{{service}} {{instance}}")],
                    Unit.YES_NO,
                    Kind.NUMBERS,
                    good_from=1,
                    alert="NatsDisconnected",
                ),
                Panel("Published", [rate("vprinter_bus_published_total", "kind")], Unit.PER_SECOND),
                Panel(
                    "Facts delivered again",
                    [
                        Query(
                            "sum(rate(vprinter_bus_redeliveries_total[$__rate_interval])) or vector(0)",
                            "delivered again",
                        )
                    ],
                    Unit.PER_SECOND,
                    about="Control did not take them at the first try.",
                ),
            ],
        ),
    ],
)
