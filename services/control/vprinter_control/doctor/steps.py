"""What a diagnosis consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Step(StrEnum):
    """One thing that is looked at, in the order in which it is shown."""

    ENABLED = "enabled"
    ADDRESS = "address"
    SERVICES = "services"
    TARGET = "target"
    TARGET_IDENTITY = "target_identity"
    TARGET_CERTIFICATE = "target_certificate"
    TARGET_CODE = "target_code"
    TARGET_LAN = "target_lan"
    PORTS = "ports"
    DETECT = "detect"
    DETECT_TLS = "detect_tls"
    MQTT_TLS = "mqtt_tls"
    MQTT_LOGIN = "mqtt_login"
    MQTT_REPORT = "mqtt_report"
    REDIRECT = "redirect"
    FTPS_TLS = "ftps_tls"
    FTPS_LOGIN = "ftps_login"
    PASSIVE = "passive"
    VERIFY_JOB = "verify_job"
    UPLOAD = "upload"
    SSDP = "ssdp"
    AUTHORITY = "authority"
    DISK = "disk"
    CLOCK = "clock"
    NATS = "nats"

    @property
    def label(self) -> str:
        """The step for people."""
        return _TITLES[self]


_TITLES: Mapping[Step, str] = MappingProxyType(
    {
        Step.ENABLED: "The printer is enabled",
        Step.ADDRESS: "Its address is on this system",
        Step.SERVICES: "The services run",
        Step.TARGET: "The real printer is reachable",
        Step.TARGET_IDENTITY: "It is the printer that it should be",
        Step.TARGET_CERTIFICATE: "It shows the certificate that is trusted",
        Step.TARGET_CODE: "It takes the access code",
        Step.TARGET_LAN: "It can be used on the local network",
        Step.PORTS: "Its ports belong to it",
        Step.DETECT: "It answers in the clear who it is",
        Step.DETECT_TLS: "It answers over TLS who it is",
        Step.MQTT_TLS: "Its MQTT certificate is what slicers accept",
        Step.MQTT_LOGIN: "The access code opens MQTT",
        Step.MQTT_REPORT: "Its reports let a slicer send",
        Step.REDIRECT: "The FTPS port leads to it",
        Step.FTPS_TLS: "Its FTPS certificate is what slicers accept",
        Step.FTPS_LOGIN: "The access code opens FTPS",
        Step.PASSIVE: "Its passive ports are reachable",
        Step.VERIFY_JOB: "The slicer's write test succeeds",
        Step.UPLOAD: "An upload arrives and leaves no trace",
        Step.SSDP: "It is announced on the network",
        Step.AUTHORITY: "The certificate authority is in order",
        Step.DISK: "There is room for uploads",
        Step.CLOCK: "The clocks agree",
        Step.NATS: "NATS is connected and writable",
    }
)


class Verdict(StrEnum):
    """How a step, or the whole diagnosis, ended."""

    OK = "ok"
    WARNING = "warning"
    """Sends may succeed, but something is not as it should be."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not looked at, because of an earlier step or because it cannot be seen from here."""


class Fault(StrEnum):
    """What can be wrong; a closed list, each with its verdict and remedy in `remedies`."""

    DISABLED = "disabled"
    ADDRESS_GONE = "address_gone"
    ADDRESS_UNKNOWN = "address_unknown"
    ADDRESS_ELSEWHERE = "address_elsewhere"
    SERVICE_DOWN = "service_down"
    SERVICE_UNWELL = "service_unwell"
    VERSIONS_DIFFER = "versions_differ"
    PORT_TAKEN = "port_taken"
    PORT_RESERVED = "port_reserved"
    PORT_CLOSED = "port_closed"
    PORT_MOVED = "port_moved"
    REDIRECT_MISSING = "redirect_missing"
    REDIRECT_STALE = "redirect_stale"
    REDIRECT_UNKNOWN = "redirect_unknown"
    NOT_LISTENING = "not_listening"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    GARBAGE = "garbage"
    OTHER_PRINTER = "other_printer"
    BOUND_ELSEWHERE = "bound_elsewhere"
    NOT_TLS = "not_tls"
    TLS_BROKEN = "tls_broken"
    WRONG_CA = "wrong_ca"
    SELF_SIGNED = "self_signed"
    LEAF_EXPIRED = "leaf_expired"
    LEAF_NOT_YET = "leaf_not_yet"
    WRONG_NAME = "wrong_name"
    NOT_RSA = "not_rsa"
    SAN_LACKS_ADDRESS = "san_lacks_address"
    TLS_TOO_NEW = "tls_too_new"
    NO_PLAIN_RSA = "no_plain_rsa"
    NO_CODE = "no_code"
    CODE_REFUSED = "code_refused"
    BRAKED = "braked"
    DENIED = "denied"
    REPORT_WRONG = "report_wrong"
    PASSIVE_NONE = "passive_none"
    PASSIVE_BLOCKED = "passive_blocked"
    PASSIVE_OUTSIDE = "passive_outside"
    PASSIVE_ADDRESS = "passive_address"
    STORE_REFUSED = "store_refused"
    SSDP_SILENT = "ssdp_silent"
    SSDP_ANSWERS_ONLY = "ssdp_answers_only"
    SSDP_WRONG = "ssdp_wrong"
    SSDP_PORT = "ssdp_port"
    TARGET_UNSEEN = "target_unseen"
    TARGET_UNREACHABLE = "target_unreachable"
    TARGET_BUSY = "target_busy"
    TARGET_OTHER = "target_other"
    TARGET_CERTIFICATE = "target_certificate"
    TARGET_CODE = "target_code"
    TARGET_CLOUD = "target_cloud"
    TARGET_SIGNED = "target_signed"
    CA_MISSING = "ca_missing"
    CA_UNUSABLE = "ca_unusable"
    CA_ENDED = "ca_ended"
    CA_ENDS_SOON = "ca_ends_soon"
    LEAF_OF_OTHER_CA = "leaf_of_other_ca"
    DISK_FULL = "disk_full"
    DISK_LOW = "disk_low"
    DISK_UNUSABLE = "disk_unusable"
    CLOCK_OFF = "clock_off"
    NATS_DOWN = "nats_down"
    NATS_READ_ONLY = "nats_read_only"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `values` fill the places in the remedy."""

    verdict: Verdict
    detail: str
    fault: Fault | None = None
    values: Mapping[str, object] = field(default_factory=dict)


def fine(detail: str) -> Finding:
    """All is well; the detail says what was seen."""
    return Finding(Verdict.OK, detail)


def skipped(why: str) -> Finding:
    """It was not looked at."""
    return Finding(Verdict.SKIPPED, why)


@dataclass(frozen=True, slots=True)
class Result:
    """A step with what was found and how long it took."""

    step: Step
    finding: Finding
    seconds: float
