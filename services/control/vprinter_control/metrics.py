"""What control counts."""

from prometheus_client import CollectorRegistry

from vprinter_common.metrics import declared


class Metrics:
    """Control's own metric families."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = declared.HTTP_REQUESTS.create(registry)
        self.facts = declared.FACTS_TAKEN.create(registry)
        self.facts.labels("upload.stored", "taken")  # from 0 on, so that the first file counts as growth
        self.latency = declared.INGEST_LATENCY.create(registry)
        self.items = declared.ITEMS.create(registry)
        self.pending_age = declared.PENDING_AGE.create(registry)
        self.queue = declared.QUEUE_ITEMS.create(registry)
        self.queue_age = declared.QUEUE_AGE.create(registry)
        self.blob_bytes = declared.BLOB_BYTES.create(registry)
        self.ca_not_after = declared.CA_NOT_AFTER.create(registry)
        self.collected = declared.BLOBS_COLLECTED.create(registry)
        self.event_clients = declared.EVENT_CLIENTS.create(registry)
        self.target_online = declared.TARGET_ONLINE.create(registry)
