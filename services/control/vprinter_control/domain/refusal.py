"""Why control refuses. The API turns these into problem documents."""


class Refused(Exception):  # noqa: N818 - a refusal, not a mistake
    """A request that is not carried out. `code` is stable; `field` is what it is about; `hint` says what to do."""

    def __init__(self, code: str, detail: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        self.hint = hint


class NotThere(Refused):
    """What was asked for does not exist."""

    def __init__(self, what: str, id_: str) -> None:
        super().__init__("not_found", f"there is no {what} {id_}", hint="it may have been deleted meanwhile")


class Conflict(Refused):
    """It contradicts what is there."""


class Invalid(Refused):
    """It contradicts itself or the rules."""


class Unable(Refused):
    """Nothing is wrong with the request; something else must be put right first."""
