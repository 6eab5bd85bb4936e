"""An S3-compatible server for as long as a test needs it."""

import json
import logging
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from moto.server import ThreadedMotoServer

from vprinter_common.runtime.settings import ObjectStoreSettings

SETTINGS = "TEST_S3"
"""Environment variable that gives a store's settings to tests that otherwise use the directory alone."""


@contextmanager
def server(port: int = 0, host: str = "127.0.0.1") -> Iterator[ObjectStoreSettings]:
    """Run one with an empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(host, port, verbose=False)
    running.start()
    try:
        _, actual = running.get_host_and_port()
        settings = ObjectStoreSettings.model_validate(
            {
                "bucket": "files",
                "endpoint": f"http://{host}:{actual}",
                "access_key": "testing",
                "secret_key": "testing-testing",
            }
        )
        _make_bucket(settings)
        yield settings
    finally:
        running.stop()


def of_environment() -> ObjectStoreSettings:
    """The store that the environment names, in a folder of its own; none otherwise."""
    named = os.environ.get(SETTINGS)
    fields = {**json.loads(named), "prefix": uuid4().hex} if named else {}
    return ObjectStoreSettings.model_validate(fields)


def as_environment(settings: ObjectStoreSettings) -> dict[str, str]:
    """The settings for processes of tests, in both forms."""
    plain = {
        "bucket": settings.bucket,
        "endpoint": settings.endpoint,
        "access_key": settings.access_key.get_secret_value() if settings.access_key else None,
        "secret_key": settings.secret_key.get_secret_value() if settings.secret_key else None,
    }
    own = {f"VPRINTER_OBJECTS__{name.upper()}": str(value) for name, value in plain.items()}
    return {**own, SETTINGS: json.dumps(plain)}


def _make_bucket(settings: ObjectStoreSettings) -> None:
    request = urllib.request.Request(f"{settings.endpoint}/{settings.bucket}", method="PUT")
    urllib.request.urlopen(request, timeout=10).close()
