"""What an edge says of a printer it serves, and of itself."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from vprinter_common.contracts.message import Event, Identifier


class State(StrEnum):
    """The state of a printer at one service of one node."""

    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    """Some listener is not open."""
    FAILED = "failed"
    """Nothing is served; `error` says why."""


class ListenerState(StrEnum):
    """The state of one listener."""

    OPENING = "opening"
    OPEN = "open"
    FAILED = "failed"


class ListenerStatus(BaseModel):
    """One listener: what it is for, where it is, and the exact error if it is not open."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    address: str
    port: int
    state: ListenerState
    error: str | None = None


class ClientStatus(BaseModel):
    """The last slicer that this service spoke with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    address: str
    at: AwareDatetime


class SessionStatus(BaseModel):
    """A slicer that is logged in."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Identifier
    client: str
    access_code: Identifier | None = None
    """Id of the code that it logged in with."""
    owner: str = ""
    since: AwareDatetime
    port: int | None = None
    """The relayed port; None where nothing is relayed. So for what follows."""
    to_target: int = 0
    """Bytes relayed to the real printer."""
    to_client: int = 0
    last_command: str = ""
    """The last command that passed, `print.pause` or `STOR`."""


MAX_SESSIONS = 64
"""Sessions that a status lists, the newest; `connections` counts them all."""


class PrinterStatus(Event):
    """How a printer fares at one service of one node; renewed before the bucket's TTL ends."""

    printer: Identifier
    service: str
    node: str
    state: State
    revision: int
    address: str
    """The address that the printer advertises from this node."""
    listeners: tuple[ListenerStatus, ...] = ()
    connections: int = 0
    sessions: tuple[SessionStatus, ...] = ()
    last_client: ClientStatus | None = None
    since: AwareDatetime
    restarts: int = 0
    error: str | None = None
