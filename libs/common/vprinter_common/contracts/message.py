"""The base of all messages."""

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An id that is safe in NATS subjects, KV keys, file names and URLs."""

FileName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Message(BaseModel):
    """A frozen message with a version; `encode` and `decode` are its form on the wire (JSON)."""

    # An error quotes its input, which may be a code or a key.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    v: int = 1

    def encode(self) -> bytes:
        """The message as JSON."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The message from JSON; raises pydantic.ValidationError."""
        return cls.model_validate_json(data)


class Event(Message):
    """A message about something that happened at a time."""

    at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))


def new_id() -> str:
    """A fresh identifier, 32 hex digits."""
    return uuid4().hex
