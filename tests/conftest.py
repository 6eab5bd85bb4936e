"""What every test runs under."""

import pytest
from hypothesis import settings


def pytest_configure(config: pytest.Config) -> None:
    """Property tests write nothing next to the code, which may belong to another user, and do not depend on load."""
    settings.register_profile("vprinter", database=None, deadline=None, print_blob=True)
    settings.load_profile("vprinter")
