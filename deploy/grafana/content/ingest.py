"""Ingest: the way of a file from the slicer into the database."""

from deploy.grafana.dashboard import Dashboard, Kind, Panel, Query, Row, Unit
from deploy.grafana.queries import P, grown, quantiles, rate, total

INGEST = Dashboard(
    "vprinter-ingest",
    "Ingest",
    "The way of a file from the slicer into the database.",
    [
        Row(
            "Custody",
            [
                Panel(
                    "From the handshake to the database",
                    [
                        grown(
                            "vprinter_tls_handshakes_total", 'listener="ftps", outcome="ok"', "1 TLS handshakes at FTPS"
                        ),
                        grown("vprinter_logins_total", f'service="ftps", outcome="ok", {P}', "2 logins"),
                        grown(
                            "vprinter_ftps_transfers_total", f'direction="upload", outcome!="probe", {P}', "3 uploads"
                        ),
                        Query(
                            f'sum(increase(vprinter_ftps_transfers_total{{direction="upload", outcome="stored", {P}}}[$__range]))'
                            ' + (sum(increase(vprinter_proxy_captures_total{outcome="kept"}[$__range])) or vector(0))',
                            "4 in custody (226), copies of relayed files included",
                        ),
                        grown("vprinter_outbox_published_total", "", "5 confirmed by NATS"),
                        grown("vprinter_facts_total", 'kind="upload.stored", outcome="taken"', "6 in the database"),
                    ],
                    Unit.NUMBER,
                    Kind.BARS,
                    width=12,
                    about="From 4 on no number may be lower than the one above it for long: such files wait in the outbox.",
                    alert="OutboxNotDraining",
                ),
                Panel(
                    "Uploads that failed, by reason",
                    [rate("vprinter_ftps_transfers_total", "reason", f'direction="upload", outcome="refused", {P}')],
                    Unit.PER_SECOND,
                    width=12,
                    stacked=True,
                    alert="UploadFailureRatio",
                ),
                Panel(
                    "Share of uploads that failed",
                    [
                        Query(
                            f"printer:vprinter_uploads_refused:increase30m{{{P}}} / printer:vprinter_uploads:increase30m{{{P}}}",
                            "{{printer}}",
                        )
                    ],
                    Unit.SHARE,
                    about="Within 30 minutes; without those that people cancelled.",
                    bad_from=0.2,
                    alert="UploadFailureRatio",
                ),
                Panel(
                    "Throughput",
                    [rate("vprinter_ingest_bytes_total", "printer", P)],
                    Unit.BYTES_PER_SECOND,
                    stacked=True,
                ),
                Panel(
                    "Uploads",
                    [rate("vprinter_ftps_transfers_total", "outcome", f'direction="upload", {P}')],
                    Unit.PER_SECOND,
                    stacked=True,
                ),
            ],
        ),
        Row(
            "How long it takes",
            [
                Panel(
                    "Receive",
                    quantiles("vprinter_ingest_duration_seconds", labels='stage="receive"'),
                    Unit.SECONDS,
                    about="As long as the slicer's network takes.",
                ),
                Panel(
                    "Check, sync, receipt: 95 %",
                    [Query('stage:vprinter_ingest_duration_seconds:p95_15m{stage!="receive"}', "{{stage}}")],
                    Unit.SECONDS,
                    bad_from=2,
                    about="While the slicer waits for its final reply.",
                    alert="CustodySlow",
                ),
                Panel(
                    "From the final reply to the database", quantiles("vprinter_ingest_latency_seconds"), Unit.SECONDS
                ),
            ],
        ),
        Row(
            "Outbox and disk",
            [
                Panel("Receipts that wait", [total("vprinter_outbox_receipts", "instance")], Unit.NUMBER),
                Panel(
                    "Age of the oldest receipt",
                    [Query("vprinter_outbox_oldest_age_seconds", "{{instance}}")],
                    Unit.SECONDS,
                    bad_from=300,
                    alert="OutboxNotDraining",
                ),
                Panel(
                    "Disk of the blob store",
                    [
                        Query("vprinter_blob_store_free_bytes", "free {{instance}}"),
                        Query("vprinter_blob_store_reserve_bytes", "reserve {{instance}}"),
                    ],
                    Unit.BYTES,
                    about="Below the reserve uploads are refused.",
                    alert="BlobStoreFillingUp",
                ),
            ],
        ),
    ],
)
