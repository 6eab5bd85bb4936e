"""What a stopped slicer means for the printer's owner."""

from collections.abc import Mapping
from types import MappingProxyType

from vprinter_common.probe.obstacle import Obstacle, Obstructed
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.steps import Fault, Finding

FAULTS: Mapping[Obstacle, Fault] = MappingProxyType(
    {
        Obstacle.REFUSED: Fault.NOT_LISTENING,
        Obstacle.UNREACHABLE: Fault.UNREACHABLE,
        Obstacle.CLOSED: Fault.SILENT,
        Obstacle.SILENT: Fault.SILENT,
        Obstacle.NOT_TLS: Fault.NOT_TLS,
        Obstacle.NO_SHARED_CIPHER: Fault.TLS_BROKEN,
        Obstacle.UNTRUSTED: Fault.WRONG_CA,
        Obstacle.TLS: Fault.TLS_BROKEN,
        Obstacle.GARBAGE: Fault.GARBAGE,
        Obstacle.CODE_REFUSED: Fault.CODE_REFUSED,
        Obstacle.BRAKED: Fault.BRAKED,
        Obstacle.DENIED: Fault.DENIED,
    }
)


def stopped(error: Obstructed, service: str, port: int, **values: object) -> Finding:
    """The finding for a slicer that got no further at a service's port."""
    return found(FAULTS[error.obstacle], error.detail, service=service, port=port, **values)
