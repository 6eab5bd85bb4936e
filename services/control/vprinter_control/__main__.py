"""`python -m vprinter_control`: the control service."""

from vprinter_common.runtime.service import run
from vprinter_control.service import control_body
from vprinter_control.settings import ControlSettings


def main() -> None:
    """Run the service until SIGTERM."""
    settings = ControlSettings()
    run("control", settings, lambda runtime: control_body(runtime, settings))


if __name__ == "__main__":
    main()
