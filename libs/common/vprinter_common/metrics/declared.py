"""The declarations. Names of printers, files and people, and addresses, are never labels: strangers could fill them."""

from enum import StrEnum

from vprinter_common.contracts.facts import FACTS, CommandOutcome, FailureReason
from vprinter_common.contracts.subjects import FACT_STREAM
from vprinter_common.contracts.target import TargetTrouble
from vprinter_common.metrics.family import (
    CounterFamily,
    Family,
    GaugeFamily,
    HistogramFamily,
    Label,
    Unit,
    one_of,
)
from vprinter_common.tls import HandshakeFailure
from vprinter_common.wire.commands import COMMANDS
from vprinter_common.wire.detect import DetectFault
from vprinter_common.wire.ftp_relay import CHANGES


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


class ProbeStage(StrEnum):
    """What the prober does as a slicer, in order."""

    DISCOVER = "discover"
    DETECT = "detect"
    MQTT = "mqtt"
    FTPS = "ftps"
    UPLOAD = "upload"


EVERY = ("discovery", "ftps", "mqtt", "proxy", "control")
EDGES = ("discovery", "ftps", "mqtt", "proxy")

NUMBER = r"[0-9]+(\.[0-9]+)*[A-Za-z0-9.+]*"
PRINTER = Label("printer", "id of a virtual printer", form="[A-Za-z0-9_-]{1,64}")
TARGET = Label("target", "id of a real printer", form="[A-Za-z0-9_-]{1,64}")
LISTENER = one_of(
    "listener",
    "listeners of a printer",
    ("ssdp", "detect", "detect-tls", "mqtt", "ftps", "ftps-data", "ftps-data-auxiliary", "camera", "tunnel"),
)
KIND = one_of("kind", "kinds of facts", FACTS, "unknown")
KNOWN_COMMANDS = tuple(f"{section}.{name}" for section, names in COMMANDS.items() for name in names)
FAILURE = one_of("reason", "why it failed; empty = it did not", FailureReason, "")

# -- every service ------------------------------------------------------------------------------------------------

BUILD = GaugeFamily(
    "vprinter_build_info", "Version of the running service", EVERY, (Label("version", "one a process", form=NUMBER),)
)
LOOP_LAG = HistogramFamily(
    "vprinter_event_loop_lag_seconds",
    "Delay of an event loop turn, measured every two seconds",
    EVERY,
    unit=Unit.SECONDS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BUS_CONNECTED = GaugeFamily("vprinter_bus_connected", "1 while connected to NATS", EVERY, unit=Unit.YES_NO)
BUS_PUBLISHED = CounterFamily(
    "vprinter_bus_published_total",
    "Messages published",
    EVERY,
    (one_of("kind", "kinds of facts, live", FACTS, "live"),),
)
BUS_REDELIVERIES = CounterFamily(
    "vprinter_bus_redeliveries_total", "Facts delivered again", EVERY, (one_of("stream", "streams", FACT_STREAM.name),)
)

# -- edges --------------------------------------------------------------------------------------------------------

PRINTERS = GaugeFamily("vprinter_printers", "Printers served by this node", EDGES)
LISTENER_BOUND = GaugeFamily(
    "vprinter_listener_bound", "1 if the listener is open", EDGES, (PRINTER, LISTENER), Unit.YES_NO
)
PRINTER_RESTARTS = CounterFamily(
    "vprinter_printer_restarts_total", "Restarts because the printer changed", EDGES, (PRINTER,)
)
TLS_HANDSHAKES = CounterFamily(
    "vprinter_tls_handshakes_total",
    "TLS handshakes",
    EDGES,
    (
        LISTENER,
        one_of("outcome", "how it ended", "ok", "failed"),
        one_of("reason", "why it failed; empty = it did not", HandshakeFailure, ""),
    ),
)
LOGINS = CounterFamily(
    "vprinter_logins_total",
    "Logins of slicers",
    ("ftps", "mqtt", "proxy"),
    (PRINTER, one_of("outcome", "how it ended", "ok", "wrong_code", "braked")),
)

# -- discovery ----------------------------------------------------------------------------------------------------

ANNOUNCEMENTS = CounterFamily(
    "vprinter_discovery_announcements_total",
    "Announcements that left by one interface at least",
    ("discovery",),
    (PRINTER, one_of("kind", "what was said", "alive", "byebye")),
)
SEND_FAILURES = CounterFamily(
    "vprinter_discovery_send_failures_total",
    "Datagrams that could not be sent",
    ("discovery",),
    (Label("interface", "network interfaces of the host; empty = as it is routed", form=r"\S{0,15}"),),
)
SEARCHES = CounterFamily("vprinter_discovery_searches_total", "Searches answered", ("discovery",), (PRINTER,))
SEARCH_REFUSALS = CounterFamily(
    "vprinter_discovery_search_refusals_total", "Answers not given because of the rate limit", ("discovery",)
)
HEARD_PRINTERS = GaugeFamily(
    "vprinter_discovery_heard_printers", "Real printers heard lately on the LAN", ("discovery",)
)
DETECT_REQUESTS = CounterFamily(
    "vprinter_detect_requests_total",
    "Detect connections",
    ("discovery",),
    (
        PRINTER,
        one_of("listener", "detect listeners", "detect", "detect-tls"),
        one_of("outcome", "how it ended", "answered", "gone", "timeout", "refused", DetectFault),
    ),
)

# -- mqtt ---------------------------------------------------------------------------------------------------------

MQTT_SESSIONS = GaugeFamily("vprinter_mqtt_sessions", "Slicers logged in", ("mqtt",), (PRINTER,))
MQTT_MESSAGES = CounterFamily(
    "vprinter_mqtt_messages_total",
    "Messages taken from and sent to slicers",
    ("mqtt",),
    (
        PRINTER,
        one_of("direction", "from slicers, to slicers", "in", "out"),
        Label(
            "command",
            "commands that the printer knows, push_status, job, other",
            form=r"[a-z]+(\.[a-z_]+)?|push_status",
        ),
    ),
)
MQTT_REJECTED = CounterFamily(
    "vprinter_mqtt_rejected_connections_total",
    "Connections closed by the printer",
    ("mqtt",),
    (
        PRINTER,
        one_of(
            "reason",
            "why it was closed",
            ("no_connect", "not_reading", "protocol", "wrong_code", "braked", "full", "stopped", "revoked"),
        ),
    ),
)
MQTT_REPORTS = CounterFamily("vprinter_mqtt_reports_rendered_total", "Status reports rendered", ("mqtt",))

# -- ftps ---------------------------------------------------------------------------------------------------------

FTPS_SESSIONS = GaugeFamily("vprinter_ftps_sessions", "Open control connections", ("ftps",), (PRINTER,))
FTPS_REFUSED = CounterFamily(
    "vprinter_ftps_refused_sessions_total", "Control connections refused with 421", ("ftps",), (PRINTER,)
)
FTPS_TRANSFERS = CounterFamily(
    "vprinter_ftps_transfers_total",
    "Transfers by how they ended",
    ("ftps",),
    (
        PRINTER,
        one_of("direction", "to or from the printer", Direction),
        one_of("outcome", "how it ended", "stored", "probe", "sent", "refused"),
        FAILURE,
    ),
)
INGEST_BYTES = CounterFamily(
    "vprinter_ingest_bytes_total", "Bytes received in uploads", ("ftps",), (PRINTER,), Unit.BYTES
)
INGEST_DURATION = HistogramFamily(
    "vprinter_ingest_duration_seconds",
    "Duration of the stages of custody",
    ("ftps",),
    (one_of("stage", "stages of custody", Stage),),
    Unit.SECONDS,
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
DATA_CHANNELS = CounterFamily(
    "vprinter_ftps_data_channels_total",
    "Data connections by security",
    ("ftps",),
    (one_of("security", "what it turned out to be", Security),),
)
FOREIGN_PEERS = CounterFamily(
    "vprinter_ftps_foreign_data_peers_total",
    "Data connections refused because they came from another address than the session",
    ("ftps",),
    (PRINTER,),
)
OUTBOX_RECEIPTS = GaugeFamily("vprinter_outbox_receipts", "Receipts that NATS has not confirmed", ("ftps", "proxy"))
OUTBOX_AGE = GaugeFamily(
    "vprinter_outbox_oldest_age_seconds",
    "Age of the oldest receipt that NATS has not confirmed; 0 = there is none",
    ("ftps", "proxy"),
    unit=Unit.SECONDS,
)
OUTBOX_PUBLISHED = CounterFamily("vprinter_outbox_published_total", "Receipts that NATS confirmed", ("ftps", "proxy"))
OUTBOX_CORRUPT = CounterFamily("vprinter_outbox_corrupt_total", "Receipts set aside as unreadable", ("ftps", "proxy"))
BLOB_STORE_FREE = GaugeFamily(
    "vprinter_blob_store_free_bytes", "What the disk of the blob store still takes", ("ftps",), unit=Unit.BYTES
)
BLOB_STORE_RESERVE = GaugeFamily(
    "vprinter_blob_store_reserve_bytes", "Uploads are refused when less than this is free", ("ftps",), unit=Unit.BYTES
)

# -- proxy --------------------------------------------------------------------------------------------------------

PROXY_WATCHED = GaugeFamily(
    "vprinter_proxy_watched_printers", "Real printers that this node has a session with", ("proxy",)
)
PROXY_SESSIONS = GaugeFamily("vprinter_proxy_sessions", "Open connections of slicers", ("proxy",), (PRINTER, LISTENER))
PROXY_BYTES = CounterFamily(
    "vprinter_proxy_relayed_bytes_total",
    "Bytes relayed",
    ("proxy",),
    (PRINTER, LISTENER, one_of("direction", "to the real printer, to the slicer", "to_target", "to_client")),
    Unit.BYTES,
)
PROXY_FAILURES = CounterFamily(
    "vprinter_proxy_upstream_failures_total",
    "Connections to the real printer that failed, by reason",
    ("proxy",),
    (PRINTER, LISTENER, one_of("reason", "why it failed", TargetTrouble)),
)
PROXY_TRANSFERS = CounterFamily(
    "vprinter_proxy_transfers_total",
    "FTP transfers by how they ended; cut_off: the relay lost one side, and the slicer was told so",
    ("proxy",),
    (
        PRINTER,
        one_of("direction", "to or from the printer", Direction),
        one_of("outcome", "how it ended", "passed", "refused", "cut_off"),
    ),
)
PROXY_CAPTURES = CounterFamily(
    "vprinter_proxy_captures_total",
    "Copies of relayed files for the archive; the relay itself never depends on them",
    ("proxy",),
    (PRINTER, one_of("outcome", "what became of it", "kept", "dropped", "failed")),
)
PROXY_COMMANDS = CounterFamily(
    "vprinter_proxy_commands_total",
    "Commands of slicers to the real printer; all that are not known count as one",
    ("proxy",),
    (
        PRINTER,
        one_of("command", "section and command, or an FTP verb", KNOWN_COMMANDS, sorted(CHANGES), "other"),
        one_of("outcome", "what became of it", CommandOutcome),
    ),
)
PROXY_CLOSED = CounterFamily(
    "vprinter_proxy_closed_sessions_total",
    "MQTT sessions that ended, by reason",
    ("proxy",),
    (
        PRINTER,
        one_of(
            "reason",
            "why it ended",
            ("slicer_left", "no_connect", "not_reading", "slicer_violation", "braked", "wrong_code", "full", "stopped"),
            ("disconnected", "printer_trouble", "printer_left", "printer_silent", "printer_not_reading"),
            "printer_violation",
        ),
    ),
)

# -- control ------------------------------------------------------------------------------------------------------

HTTP_REQUESTS = CounterFamily(
    "vprinter_http_requests_total",
    "Requests to the API",
    ("control",),
    (
        Label(
            "route",
            "route templates of the API and the page; unknown = none of them",
            form=r"/[A-Za-z0-9_.{}/:*\[\]^+-]*|unknown",
        ),
        one_of("method", "HTTP methods", "GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "other"),
        Label("status", "HTTP status codes", form="[1-5][0-9]{2}"),
    ),
)
FACTS_TAKEN = CounterFamily(
    "vprinter_facts_total",
    "Facts by what became of them",
    ("control",),
    (KIND, one_of("outcome", "what became of it", "taken", "repeated", "failed", "unreadable")),
)
INGEST_LATENCY = HistogramFamily(
    "vprinter_ingest_latency_seconds",
    "From the 226 to the commit",
    ("control",),
    unit=Unit.SECONDS,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
ITEMS = GaugeFamily(
    "vprinter_items",
    "Files, plates and printers kept",
    ("control",),
    (one_of("kind", "what is counted", "archive", "pending", "queue", "virtual_printers"),),
)
PENDING_AGE = GaugeFamily(
    "vprinter_pending_oldest_age_seconds",
    "Age of the oldest upload that waits for review; 0 = there is none",
    ("control",),
    unit=Unit.SECONDS,
)
QUEUE_ITEMS = GaugeFamily(
    "vprinter_queue_items",
    "Plates in the queue",
    ("control",),
    (one_of("state", "state of a plate", "waiting", "held", "started"),),
)
QUEUE_AGE = GaugeFamily(
    "vprinter_queue_oldest_age_seconds",
    "How long the plate that waits longest is in the queue, held ones left out; 0 = there is none",
    ("control",),
    unit=Unit.SECONDS,
)
BLOB_BYTES = GaugeFamily("vprinter_blob_bytes", "Bytes of files that rows refer to", ("control",), unit=Unit.BYTES)
BLOBS_COLLECTED = CounterFamily("vprinter_blobs_collected_total", "Files deleted for good", ("control",))
CA_NOT_AFTER = GaugeFamily(
    "vprinter_ca_not_after_timestamp_seconds", "When the CA ends; 0 = there is none", ("control",), unit=Unit.TIMESTAMP
)
TARGET_ONLINE = GaugeFamily(
    "vprinter_target_online", "1 if a service has a session with the real printer", ("control",), (TARGET,), Unit.YES_NO
)
EVENT_CLIENTS = GaugeFamily("vprinter_event_clients", "Clients of the event feed", ("control",))

# -- the prober ---------------------------------------------------------------------------------------------------

PROBE_STAGE = one_of("stage", "what a slicer does, in order", ProbeStage)
PROBE_SUCCESS = GaugeFamily(
    "vprinter_probe_success",
    "Whether the last try got through",
    ("probe",),
    (PRINTER, PROBE_STAGE),
    unit=Unit.YES_NO,
)
PROBE_DURATION = GaugeFamily(
    "vprinter_probe_duration_seconds",
    "How long the last try took",
    ("probe",),
    (PRINTER, PROBE_STAGE),
    unit=Unit.SECONDS,
)
PROBE_LAST = GaugeFamily(
    "vprinter_probe_last_round_timestamp_seconds",
    "When the last round ended",
    ("probe",),
    unit=Unit.TIMESTAMP,
)

# -- made by the metrics library ----------------------------------------------------------------------------------

GENERATION = one_of("generation", "generations of objects", "0", "1", "2")
LIBRARY: tuple[Family, ...] = (
    GaugeFamily("process_virtual_memory_bytes", "Virtual memory size in bytes.", EVERY, unit=Unit.BYTES),
    GaugeFamily("process_resident_memory_bytes", "Resident memory size in bytes.", EVERY, unit=Unit.BYTES),
    GaugeFamily(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        EVERY,
        unit=Unit.TIMESTAMP,
    ),
    CounterFamily(
        "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", EVERY, unit=Unit.SECONDS
    ),
    GaugeFamily("process_open_fds", "Number of open file descriptors.", EVERY),
    GaugeFamily("process_max_fds", "Maximum number of open file descriptors.", EVERY),
    CounterFamily("python_gc_objects_collected_total", "Objects collected during gc", EVERY, (GENERATION,)),
    CounterFamily(
        "python_gc_objects_uncollectable_total", "Uncollectable objects found during GC", EVERY, (GENERATION,)
    ),
    CounterFamily("python_gc_collections_total", "Number of times this generation was collected", EVERY, (GENERATION,)),
)

FAMILIES: tuple[Family, ...] = (
    *(value for value in dict(vars()).values() if isinstance(value, Family)),
    *LIBRARY,
)
"""All of them, in the order of this file."""
