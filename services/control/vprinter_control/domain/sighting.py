"""When and where a slicer last did something."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """A slicer turned up."""

    client: str
    service: str
    at: datetime
