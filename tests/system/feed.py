"""A browser's end of the event feed: it reconnects by itself and says what it saw last."""

import http.client
import json
import socket
import threading
import time
import urllib.parse
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.system.api import Api

RECONNECT_AFTER = 0.05
SILENCE = 30.0
"""Seconds; control says every 15 that it is still here."""


@dataclass(slots=True)
class Feed:
    """Collects events while the context is open. `kept` have an id, `told` have none."""

    api: Api
    last: str | None = None
    """Id of the last event seen; None = from now on."""
    kept: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    resets: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _socket: socket.socket | None = None

    def types(self) -> list[str]:
        """Types of everything that is only told."""
        return [event["type"] for event in list(self.told)]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="feed")
        self._thread.start()
        until = time.monotonic() + 10
        while not self.connections and time.monotonic() < until:
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError, http.client.HTTPException, ValueError):
                self._follow()
            self._stop.wait(RECONNECT_AFTER)

    def _follow(self) -> None:
        host = urllib.parse.urlsplit(self.api.url).netloc
        connection = http.client.HTTPConnection(host, timeout=SILENCE)
        try:
            connection.connect()
            self._socket = connection.sock
            headers = {"Authorization": f"Bearer {self.api.token}"}
            if self.last is not None:
                headers["Last-Event-ID"] = self.last
            connection.request("GET", "/api/v1/events", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                return
            self._read(answer)
        finally:
            connection.close()

    def _read(self, answer: http.client.HTTPResponse) -> None:
        fields: dict[str, str] = {}
        while not self._stop.is_set():
            line = answer.readline()
            text = line.decode().rstrip("\r\n")
            if not line:
                return
            if text == ": follows":
                self.connections += 1
            elif text and not text.startswith(":"):
                name, _, value = text.partition(": ")
                fields[name] = value
            elif not text and fields:
                self._take(fields)
                fields = {}

    def _take(self, fields: dict[str, str]) -> None:
        if fields.get("event") == "reset":
            self.resets += 1
            self.last = fields["id"]
            return
        self.last = fields.get("id", self.last)
        if "data" not in fields:
            return
        event = json.loads(fields["data"])
        if "id" in fields:
            self.kept.append(event)
        else:
            self.told.append(event)
