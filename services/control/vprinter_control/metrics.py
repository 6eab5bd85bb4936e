"""What control counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Control's own metric families."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "vprinter_http_requests", "Requests to the API", ["route", "method", "status"], registry=registry
        )
        self.facts = Counter("vprinter_facts", "Facts by what became of them", ["kind", "outcome"], registry=registry)
        self.latency = Histogram(
            "vprinter_ingest_latency_seconds",
            "From the 226 to the commit",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
            registry=registry,
        )
        self.items = Gauge("vprinter_items", "Files and plates kept", ["kind"], registry=registry)
        self.blob_bytes = Gauge("vprinter_blob_bytes", "Bytes of files that rows refer to", registry=registry)
        self.ca_not_after = Gauge(
            "vprinter_ca_not_after_timestamp_seconds", "When the CA ends; 0 = there is none", registry=registry
        )
        self.collected = Counter("vprinter_blobs_collected", "Files deleted for good", registry=registry)
        self.event_clients = Gauge("vprinter_event_clients", "Clients of the event feed", registry=registry)
