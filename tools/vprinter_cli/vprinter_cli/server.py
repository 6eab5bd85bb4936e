"""Which server to ask, and with which token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from vprinter_cli.exits import Exit, Failure
from vprinter_cli.settings import Settings

_MAX_TOKEN = 1024


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is, and the token for it if there is one."""

    url: str
    token: str | None = field(repr=False)


def find_server(settings: Settings, environ: Mapping[str, str], url: str | None, token_file: str | None) -> Server:
    """The server of the options, of the environment, or the one on this host.

    A token of this host's data directory is for this host only: it is never sent elsewhere.
    """
    found = (url or environ.get("VPRINTER_URL") or _here(settings)).rstrip("/")
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(f"{found} is no URL of a server: give one like http://192.168.1.50:8000", Exit.USAGE)
    if token_file is not None:
        return Server(found, _read(Path(token_file)))
    token = environ.get("VPRINTER_TOKEN")
    if not token and _is_local(parts.hostname):
        token = _local_token(settings)
    return Server(found, token or None)


def _here(settings: Settings) -> str:
    host = settings.control.host
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{settings.control.port}"


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _local_token(settings: Settings) -> str | None:
    if settings.admin_token is not None:
        return settings.admin_token.get_secret_value()
    file = settings.data_dir / "control" / "admin-token"
    try:
        return _read(file) if file.exists() else None
    except OSError:  # another user's directory
        return None


def _read(file: Path) -> str:
    try:
        with file.open(encoding="ascii", errors="replace") as stream:
            return stream.read(_MAX_TOKEN).strip()
    except OSError as error:
        raise Failure(f"the token file {file} cannot be read: {error.strerror}", Exit.NOT_ALLOWED) from error
