"""What every test runs under, and in which order several workers take them."""

import asyncio.constants

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling, Scheduling

SHARED = ("tests/web/", "tests/system/")
"""Rooms whose tests share one started system: all of a room go to one worker, or each would start its own."""
APART = ("tests/system/test_first_start.py", "tests/system/test_doctor.py")
"""Files in such rooms that start a system of their own."""
LONGEST = (*SHARED, *APART, "tests/discovery/test_netns.py", "tests/control/test_service.py")
"""What takes longest, and so begins first."""


def pytest_configure(config: pytest.Config) -> None:
    """Property tests write nothing next to the code, which may belong to another user, and do not depend on load."""
    settings.register_profile(
        "vprinter", database=None, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("vprinter")
    # The debug mode of asyncio notes where each callback comes from; more than the last caller took a fifth of the time.
    asyncio.constants.DEBUG_STACK_DEPTH = 1  # type: ignore[misc]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


class Rooms(LoadFileScheduling):  # type: ignore[misc]
    """Gives each worker files, or whole rooms, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        rooms = (room for room in SHARED if file.startswith(room) and file not in APART)
        return next(rooms, str(file))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """How several workers share the tests."""
    config.option.loadscopereorder = False
    return Rooms(config, log)
