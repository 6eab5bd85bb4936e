"""Proxy: slicers that are passed on to real printers, and how those fare."""

from deploy.grafana.dashboard import Dashboard, Kind, Panel, Query, Row, Unit
from deploy.grafana.queries import P, rate, total

PROXY = Dashboard(
    "vprinter-proxy",
    "Proxy",
    "Slicers that are passed on to real printers, and how those fare.",
    [
        Row(
            "Real printers",
            [
                Panel(
                    "Reachable",
                    [Query('vprinter_target_online{target=~"$target"}', "{{target}}")],
                    Unit.YES_NO,
                    Kind.NUMBERS,
                    width=8,
                    good_from=1,
                    alert="RealPrinterUnreachable",
                ),
                Panel(
                    "Sessions that nodes have with them",
                    [Query("vprinter_proxy_watched_printers", "{{instance}}")],
                    Unit.NUMBER,
                    about="One for each real printer, over all nodes.",
                ),
                Panel(
                    "Connections to them that failed, by reason",
                    [rate("vprinter_proxy_upstream_failures_total", "listener, reason", P)],
                    Unit.PER_SECOND,
                    alert="RealPrinterUnreachable",
                ),
            ],
        ),
        Row(
            "Slicers",
            [
                Panel("Connections", [total("vprinter_proxy_sessions", "listener", P)], Unit.NUMBER),
                Panel(
                    "Relayed",
                    [rate("vprinter_proxy_relayed_bytes_total", "listener, direction", P)],
                    Unit.BYTES_PER_SECOND,
                ),
                Panel(
                    "Relayed in all",
                    [
                        Query(
                            f"sum by (printer, direction) (increase(vprinter_proxy_relayed_bytes_total{{{P}}}[$__range]))",
                            "{{printer}} {{direction}}",
                        )
                    ],
                    Unit.BYTES,
                    Kind.BARS,
                ),
                Panel(
                    "Files, by what became of them",
                    [rate("vprinter_proxy_transfers_total", "direction, outcome", P)],
                    Unit.PER_SECOND,
                    about="cut_off: the way to the real printer broke in the middle.",
                ),
                Panel(
                    "Copies for the archive",
                    [rate("vprinter_proxy_captures_total", "outcome", P)],
                    Unit.PER_SECOND,
                    about="Of proxies that capture.",
                ),
                Panel(
                    "Commands, by what became of them",
                    [rate("vprinter_proxy_commands_total", "outcome", P)],
                    Unit.PER_SECOND,
                    about="refused: the printer's policy does not let it pass.",
                ),
                Panel(
                    "Commands that were refused",
                    [rate("vprinter_proxy_commands_total", "command", f'outcome="refused", {P}')],
                    Unit.PER_SECOND,
                ),
                Panel(
                    "MQTT sessions that ended, by reason",
                    [rate("vprinter_proxy_closed_sessions_total", "reason", P)],
                    Unit.PER_SECOND,
                ),
            ],
        ),
    ],
    by_target=True,
)
