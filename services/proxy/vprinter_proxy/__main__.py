"""`python -m vprinter_proxy`."""

from vprinter_common.runtime.service import run
from vprinter_proxy.printer import SERVICE
from vprinter_proxy.service import body
from vprinter_proxy.settings import ProxySettings

if __name__ == "__main__":
    settings = ProxySettings()
    run(SERVICE, settings, body(settings))
