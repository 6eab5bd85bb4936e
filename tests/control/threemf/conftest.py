"""Content is read as if it were a kept file."""

from pathlib import Path

import pytest

from tests.control.threemf.kept import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A place for one file."""
    return Kept(tmp_path / "blob")
