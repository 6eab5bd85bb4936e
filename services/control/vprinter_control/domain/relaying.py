"""What a target makes of a virtual printer: whose identity it shows, and what passes between slicers and the target."""

from dataclasses import dataclass

from vprinter_common import catalog
from vprinter_common.contracts.printer import Allow, FtpRelay, Mode, Relay
from vprinter_control.domain.refusal import Invalid


@dataclass(frozen=True, slots=True)
class Passing:
    """What was decided about passing things on; None = as the mode has it."""

    allow: Allow | None = None
    ftp: FtpRelay | None = None
    capture: bool | None = None
    camera: bool | None = None


AS_THE_MODE = Passing()


def relay_of(mode: Mode, passing: Passing) -> Relay:
    """What passes: a proxy relays everything, a printer that mirrors its target nothing, unless decided otherwise."""
    proxy = mode is Mode.PROXY
    return Relay(
        allow=passing.allow or (Allow.CONTROL if proxy else Allow.VIEW),
        ftp=passing.ftp or FtpRelay.TERMINATE,
        capture=bool(passing.capture),
        camera=proxy if passing.camera is None else passing.camera,
    )


def turned(before: Mode, after: Mode) -> bool:
    """Whether a relay becomes a mirror or the other way round: what was decided for the one is not meant for the other."""
    return (before is Mode.PROXY) is not (after is Mode.PROXY)


def refuse_unfit(mode: Mode, target: str | None, passing: Passing) -> None:
    """Raise Invalid if mode, target and relay do not go together."""
    if mode is Mode.PROXY and target is None:
        raise Invalid(
            "no_target",
            "a proxy needs the real printer that it stands in front of",
            field="target",
            hint="GET /api/v1/printers lists them, POST adds one",
        )
    if not passing.capture:
        return
    if mode is not Mode.PROXY:
        raise Invalid(
            "nothing_to_capture",
            f"only a proxy relays files; in {mode.value} mode this printer keeps every file itself",
            field="relay.capture",
            hint="leave capture out",
        )
    if passing.ftp is FtpRelay.PASSTHROUGH:
        raise Invalid(
            "capture_needs_terminate",
            "with passthrough nobody but slicer and printer can read the files, so there is nothing to keep",
            field="relay.capture",
            hint="set relay.ftp to terminate, or capture to false",
        )


def refuse_own_model(model: str, target_model: str) -> None:
    """Raise Invalid if a proxy shall be another model than the printer behind it."""
    if catalog.model(model).code != target_model:
        raise Invalid(
            "model_of_target",
            f"a proxy is the model that its target is, {target_model}",
            field="model",
            hint="leave model out",
        )
