"""How a real printer fares, what a person should do about it, and what a look at it must have shown."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address
from types import MappingProxyType

from vprinter_common import catalog
from vprinter_common.contracts.requests import TargetProbe
from vprinter_common.contracts.target import TargetStatus, TargetTrouble
from vprinter_control.domain.refusal import Invalid, Refused, Unable


class TargetCondition(StrEnum):
    """How a real printer fares."""

    UNWATCHED = "unwatched"
    """No proxy service says anything of it."""
    ONLINE = "online"
    OFFLINE = "offline"
    """It may come back by itself."""
    ATTENTION = "attention"
    """A person must do something."""


ADVICE: Mapping[TargetTrouble, str] = MappingProxyType(
    {
        TargetTrouble.UNREACHABLE: "see that it is switched on and in reach of the host of proxy, and that its address "
        "is right",
        TargetTrouble.REFUSED: "see that its address is right, and that LAN access is switched on at the printer",
        TargetTrouble.TLS: "see that its address is right; restart the printer if it is",
        TargetTrouble.CERTIFICATE_CHANGED: "if the printer was reset, repaired or updated, accept its new certificate; "
        "if not, somebody else may answer at its address",
        TargetTrouble.WRONG_PRINTER: "correct its address: another printer has this one now",
        TargetTrouble.ACCESS_CODE: "read the access code at the printer (Settings, LAN only) and put it in",
        TargetTrouble.BUSY: "close other programs that are connected to it: a printer takes few at a time",
        TargetTrouble.SILENT: "restart the printer if it does not report again by itself",
    }
)
"""What to do about each trouble."""

_TITLES: Mapping[TargetTrouble, str] = MappingProxyType(
    {
        TargetTrouble.UNREACHABLE: "it does not answer",
        TargetTrouble.REFUSED: "it refuses the connection",
        TargetTrouble.TLS: "no encrypted connection comes about",
        TargetTrouble.CERTIFICATE_CHANGED: "it shows another certificate than the one that is trusted",
        TargetTrouble.WRONG_PRINTER: "another printer answers there",
        TargetTrouble.ACCESS_CODE: "it does not take the access code",
        TargetTrouble.BUSY: "it takes no further session",
        TargetTrouble.SILENT: "it is connected but does not report",
    }
)
_FOR_PEOPLE = frozenset({TargetTrouble.CERTIFICATE_CHANGED, TargetTrouble.WRONG_PRINTER, TargetTrouble.ACCESS_CODE})
AWAY = frozenset({TargetTrouble.UNREACHABLE, TargetTrouble.REFUSED, TargetTrouble.WRONG_PRINTER})
"""Troubles of a printer that may have got another address."""
UNWATCHED = "no proxy service watches this printer: is proxy running?"


def condition_of(status: TargetStatus | None) -> tuple[TargetCondition, str | None]:
    """How a printer fares, and a sentence that says what is wrong."""
    if status is None:
        return TargetCondition.UNWATCHED, UNWATCHED
    if status.online and status.trouble is None:
        return TargetCondition.ONLINE, None
    condition = TargetCondition.ATTENTION if status.trouble in _FOR_PEOPLE else TargetCondition.OFFLINE
    return condition, status.error or sentence(status.trouble)


def sentence(trouble: TargetTrouble | None) -> str:
    """What is wrong, where nobody said it better."""
    return _TITLES[trouble] if trouble is not None else "it is offline"


def refuse_found(found: TargetProbe, *, serial: str | None, model: str | None) -> None:
    """Raise a refusal if a look at a printer says that it cannot be put in so. What is known need not be found."""
    trouble = found.trouble
    if trouble is not None and trouble in _FOR_PEOPLE:
        field = "access_code" if trouble is TargetTrouble.ACCESS_CODE else "host"
        raise Invalid(trouble.value, found.error or sentence(trouble), field=field, hint=ADVICE[trouble])
    if serial is None and found.serial is None:
        raise _unseen(found, "serial")
    if model is not None:
        return
    if found.model is None:
        raise _unseen(found, "model")
    try:
        catalog.model(found.model)
    except catalog.UnknownModel as error:
        raise Invalid(
            "unknown_model", str(error), field="model", hint="give the model that it is most like: GET /api/v1/models"
        ) from None


def is_address(host: str) -> bool:
    """Whether a host is an IPv4 address, and not a name."""
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _unseen(found: TargetProbe, field: str) -> Refused:
    detail = found.error or sentence(found.trouble)
    advice = ADVICE[found.trouble] if found.trouble is not None else "see that this is a Bambu Lab printer"
    return Unable(
        "printer_not_found",
        detail,
        field=field,
        hint=f"{advice}; or give serial and model, and it is put in without being seen",
    )
