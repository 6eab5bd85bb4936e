"""Metrics of the ftps service."""

from prometheus_client import CollectorRegistry

from vprinter_common.metrics import declared
from vprinter_common.metrics.declared import Direction


class FtpsMetrics:
    """All families of the service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sessions = declared.FTPS_SESSIONS.create(registry)
        self.refused_sessions = declared.FTPS_REFUSED.create(registry)
        self.transfers = declared.FTPS_TRANSFERS.create(registry)
        self.ingest_bytes = declared.INGEST_BYTES.create(registry)
        self.stage_seconds = declared.INGEST_DURATION.create(registry)
        self.data_channels = declared.DATA_CHANNELS.create(registry)
        self.foreign_peers = declared.FOREIGN_PEERS.create(registry)
        self.free_bytes = declared.BLOB_STORE_FREE.create(registry)
        self.reserve_bytes = declared.BLOB_STORE_RESERVE.create(registry)

    def expect(self, printer: str) -> None:
        """Begin a printer's counters at 0: what is first seen at 1 did not grow, as Prometheus sees it."""
        self.transfers.labels(printer, Direction.UPLOAD.value, "stored", "")
        self.ingest_bytes.labels(printer)
