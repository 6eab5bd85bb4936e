"""Metrics of the ftps service. Labels are bounded: printer ids and closed lists, never names or addresses."""

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_STAGE_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Stage(StrEnum):
    """The parts of an upload that are timed."""

    RECEIVE = "receive"
    CHECK = "check"
    FSYNC = "fsync"
    RECEIPT = "receipt"


class Direction(StrEnum):
    """Which way a transfer goes."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


class Security(StrEnum):
    """What a data connection turned out to be."""

    TLS = "tls"
    RESUMED = "tls_resumed"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class FtpsMetrics:
    """All families of the service."""

    sessions: Gauge
    refused_sessions: Counter
    transfers: Counter
    ingest_bytes: Counter
    stage_seconds: Histogram
    data_channels: Counter
    foreign_peers: Counter
    outbox_receipts: Gauge
    outbox_published: Counter
    outbox_corrupt: Counter

    @classmethod
    def create(cls, registry: CollectorRegistry) -> "FtpsMetrics":
        """Register the families."""
        return cls(
            sessions=Gauge("vprinter_ftps_sessions", "Open control connections", ["printer"], registry=registry),
            refused_sessions=Counter(
                "vprinter_ftps_refused_sessions", "Control connections refused with 421", ["printer"], registry=registry
            ),
            transfers=Counter(
                "vprinter_ftps_transfers",
                "Transfers by how they ended",
                ["printer", "direction", "outcome", "reason"],
                registry=registry,
            ),
            ingest_bytes=Counter("vprinter_ingest_bytes", "Bytes received in uploads", ["printer"], registry=registry),
            stage_seconds=Histogram(
                "vprinter_ingest_duration_seconds",
                "Duration of the stages of custody",
                ["stage"],
                buckets=_STAGE_BUCKETS,
                registry=registry,
            ),
            data_channels=Counter(
                "vprinter_ftps_data_channels", "Data connections by security", ["security"], registry=registry
            ),
            foreign_peers=Counter(
                "vprinter_ftps_foreign_data_peers",
                "Data connections refused because they came from another address than the session",
                ["printer"],
                registry=registry,
            ),
            outbox_receipts=Gauge(
                "vprinter_outbox_receipts", "Receipts that NATS has not confirmed", registry=registry
            ),
            outbox_published=Counter("vprinter_outbox_published", "Receipts that NATS confirmed", registry=registry),
            outbox_corrupt=Counter("vprinter_outbox_corrupt", "Receipts set aside as unreadable", registry=registry),
        )
