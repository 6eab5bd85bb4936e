"""Metrics of the proxy service."""

from prometheus_client import CollectorRegistry

from vprinter_common.metrics import declared


class ProxyMetrics:
    """What all parts of all proxies count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sessions = declared.PROXY_SESSIONS.create(registry)
        self.relayed_bytes = declared.PROXY_BYTES.create(registry)
        self.upstream_failures = declared.PROXY_FAILURES.create(registry)
        self.commands = declared.PROXY_COMMANDS.create(registry)
        self.closed = declared.PROXY_CLOSED.create(registry)
        self.transfers = declared.PROXY_TRANSFERS.create(registry)
        self.captures = declared.PROXY_CAPTURES.create(registry)
