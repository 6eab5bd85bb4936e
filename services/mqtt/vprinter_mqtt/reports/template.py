"""A report that is written once and filled in often."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum

from vprinter_common.wire.report import dumps


class Template:
    """JSON with slots; filling costs a few string joins, not a walk through the whole report."""

    def __init__(self, message: object, slots: type[StrEnum]) -> None:
        alternatives = "|".join(re.escape(slot) for slot in slots)
        parts = re.split(f'"({alternatives})"', dumps(message).decode())
        self._texts = parts[0::2]
        self._slots = [slots(text) for text in parts[1::2]]

    def fill(self, values: Mapping[StrEnum, str | int]) -> bytes:
        """The JSON with a value in each slot; a KeyError tells of a slot without one."""
        written = [self._texts[0]]
        for slot, text in zip(self._slots, self._texts[1:], strict=True):
            written += (json.dumps(values[slot], ensure_ascii=False), text)
        return "".join(written).encode("utf-8", "replace")
