"""`python -m vprinter_discovery`."""

from functools import partial

from vprinter_common.runtime.service import run
from vprinter_discovery.service import discover
from vprinter_discovery.settings import DiscoverySettings


def main() -> None:
    """Run the discovery service as this process."""
    settings = DiscoverySettings()
    run("discovery", settings, partial(discover, settings.discovery))


if __name__ == "__main__":
    main()
