"""`python -m vprinter_common.runtime.healthcheck`: exits with 0 if this container's service is ready (no curl needed)."""

import json
import os
import sys
from http.client import HTTPConnection, HTTPException

from vprinter_common.runtime.settings import ADMIN_PORTS, CommonSettings

TIMEOUT = 4.0
"""Seconds; the caller gives up after five."""


def main() -> int:
    """Ask `/readyz`; what is degraded still serves, so it is healthy. Prints what is wrong."""
    settings = CommonSettings().admin
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host
    port = settings.port or ADMIN_PORTS[os.environ["SERVICE"]]
    connection = HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        problems = json.loads(answer.read())["problems"]
    except (OSError, HTTPException, ValueError) as error:
        print(f"no answer from {host}:{port}: {error}")  # noqa: T201 - the engine keeps what is printed
        return 1
    finally:
        connection.close()
    for name, text in problems.items():
        print(f"{name}: {text}")  # noqa: T201
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
