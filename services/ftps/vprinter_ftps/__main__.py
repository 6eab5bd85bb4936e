"""`python -m vprinter_ftps`."""

from vprinter_common.runtime.service import run
from vprinter_ftps.announce import SERVICE
from vprinter_ftps.edge import body
from vprinter_ftps.settings import FtpsSettings

if __name__ == "__main__":
    settings = FtpsSettings()
    run(SERVICE, settings, body(settings))
