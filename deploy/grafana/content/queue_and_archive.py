"""Queue and archive: what is kept, what waits, and who asks for it."""

from deploy.grafana.dashboard import Dashboard, Kind, Panel, Query, Row, Unit
from deploy.grafana.queries import rate, total

QUEUE = Dashboard(
    "vprinter-queue",
    "Queue and archive",
    "What is kept, what waits, and who asks for it.",
    [
        Row(
            "What waits",
            [
                Panel("Queue", [total("vprinter_queue_items", "state")], Unit.NUMBER, stacked=True),
                Panel(
                    "Longest wait in the queue",
                    [Query("vprinter_queue_oldest_age_seconds")],
                    Unit.SECONDS,
                    Kind.NUMBERS,
                    width=4,
                    bad_from=24 * 3600,
                    alert="QueueStalled",
                ),
                Panel("In review", [total("vprinter_items", "kind", 'kind="pending"')], Unit.NUMBER),
                Panel(
                    "Longest wait for review",
                    [Query("vprinter_pending_oldest_age_seconds")],
                    Unit.SECONDS,
                    Kind.NUMBERS,
                    width=4,
                    bad_from=7 * 24 * 3600,
                    alert="PendingTooOld",
                ),
            ],
        ),
        Row(
            "What is kept",
            [
                Panel(
                    "Archive and printers",
                    [total("vprinter_items", "kind", 'kind=~"archive|virtual_printers"')],
                    Unit.NUMBER,
                    width=6,
                ),
                Panel("Size of all files", [Query("vprinter_blob_bytes", "files")], Unit.BYTES, width=6),
                Panel(
                    "Files deleted for good",
                    [Query("sum(rate(vprinter_blobs_collected_total[$__rate_interval]))", "deleted")],
                    Unit.PER_SECOND,
                    width=6,
                ),
                Panel(
                    "Facts",
                    [rate("vprinter_facts_total", "kind, outcome")],
                    Unit.PER_SECOND,
                    width=6,
                    about="What the edges report. repeated: came again and was known already.",
                ),
            ],
        ),
        Row(
            "API and page",
            [
                Panel("Requests", [rate("vprinter_http_requests_total", "status")], Unit.PER_SECOND, stacked=True),
                Panel(
                    "Requests, by route",
                    [
                        Query(
                            "topk(8, sum by (method, route) (rate(vprinter_http_requests_total[$__rate_interval])))",
                            "{{method}} {{route}}",
                        )
                    ],
                    Unit.PER_SECOND,
                ),
                Panel("Clients of the event feed", [Query("vprinter_event_clients", "clients")], Unit.NUMBER, width=4),
                Panel(
                    "The CA ends in",
                    [Query("(vprinter_ca_not_after_timestamp_seconds > 0) - time()")],
                    Unit.SECONDS,
                    Kind.NUMBERS,
                    width=4,
                    good_from=60 * 24 * 3600,
                    alert="CaExpires",
                ),
            ],
        ),
    ],
)
