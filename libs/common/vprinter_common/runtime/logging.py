"""Structured logs: one event name per fact, key-values, nothing secret."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from vprinter_common.runtime.settings import LogSettings

SECRET_KEYS = frozenset({"access_code", "code", "password", "token", "key", "key_pem", "secret", "authorization"})
SECRET_ENDS = ("_password", "_secret", "_token")
"""Values under these keys never reach a log."""


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what stands under a secret key, at any depth (a structlog processor)."""
    for key, value in event.items():
        event[key] = _shown(key, value)
    return event


def _shown(key: str, value: Any) -> Any:
    if key.lower() in SECRET_KEYS or key.lower().endswith(SECRET_ENDS):
        return "[redacted]"
    match value:
        case dict():
            return {name: _shown(str(name), inner) for name, inner in value.items()}
        case list():
            return [_shown(key, inner) for inner in value]
        case _:
            return value


def configure_logging(settings: LogSettings, service: str) -> None:
    """Set up structlog and route the standard library's logs (asyncio, aiohttp, nats, aioftp) through it."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: list[Any]
    if settings.format == "json":
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                pad_event_to=24,
                # The default one, where rich is installed, shows every local variable: codes and keys among them.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    # The databases' debug lines hold what is written: private keys among it.
    for noisy in ("aiohttp.access", "aioftp.server", "aiosqlite", "alembic", "asyncpg", "nats", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)
