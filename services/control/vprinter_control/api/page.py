"""The page: static files below a path that changes with their content, and one document for every place in it."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiohttp import web

WEB = Path(__file__).resolve().parents[1] / "web"
STATIC = "/static"
PLACES = ("login", "printers", "incoming", "archive", "queue", "set-up", "settings", "doctor", "more")
"""First parts of the paths that the document knows what to show for."""
_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
# The port check connects to printers, so it runs in a frame that may do nothing else: no cookies, no API, no storage.
_CHECK_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src http://*:*; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox allow-scripts"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-cache",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    packed: bytes
    media_type: str
    etag: str


def make_asset(name: str, content: bytes) -> Asset:
    """A file with its compressed form and tag."""
    packed = gzip.compress(content, mtime=0)
    return Asset(content, packed, _TYPES[Path(name).suffix], sha256(content).hexdigest()[:32])


def load(folder: Path) -> dict[str, Asset]:
    """Every file of a kind that browsers get, by its path below the folder."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in _TYPES)
    return {str(path.relative_to(folder)): make_asset(path.name, path.read_bytes()) for path in found}


def add_page(app: web.Application) -> None:
    """Serve the page, read once from the package."""
    assets = load(WEB)
    version = sha256("".join(f"{name}:{asset.etag}\n" for name, asset in assets.items()).encode()).hexdigest()[:16]
    document = _document(assets, f"{STATIC}/{version}")
    check = assets["port-check.html"]
    check = make_asset("port-check.html", check.content.replace(b"{static}", f"{STATIC}/{version}".encode()))

    async def show(request: web.Request) -> web.Response:
        return _answer(request, document, {"Cache-Control": "no-cache"})

    async def port_check(request: web.Request) -> web.Response:
        return _answer(request, check, _CHECK_HEADERS)

    async def static(request: web.Request) -> web.Response:
        asset = assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": _FOR_EVER}
        if request.match_info["name"] == "port-check.js":
            # Its frame has an origin of its own.
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return _answer(request, asset, headers)

    async def favicon(request: web.Request) -> web.Response:
        return _answer(request, assets["favicon.svg"], {"Cache-Control": "max-age=86400"})

    app.router.add_get("/", show)
    app.router.add_get(f"/{{place:{'|'.join(PLACES)}}}{{rest:(?:/[A-Za-z0-9_/-]*)?}}", show)
    app.router.add_get("/port-check", port_check)
    app.router.add_get(f"{STATIC}/{version}/{{name:[A-Za-z0-9._/-]+}}", static)
    app.router.add_get("/favicon.ico", favicon)


def _document(assets: Mapping[str, Asset], base: str) -> Asset:
    """The document with its own version's paths; all modules are named in it, so that they are fetched at once."""
    preload = "".join(
        f'<link rel="modulepreload" href="{base}/{name}">\n    '
        for name in assets
        if name.endswith(".js") and name != "port-check.js"
    )
    text = assets["index.html"].content.decode()
    return make_asset("index.html", text.replace("{static}", base).replace("{preload}", preload.rstrip()).encode())


def _answer(request: web.Request, asset: Asset, headers: Mapping[str, str]) -> web.Response:
    tag = f'"{asset.etag}"'
    headers = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    asked = request.headers.get("If-None-Match", "")
    if tag in asked or asked.strip() == "*":
        return web.Response(status=304, headers=headers)
    content = asset.content
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        content = asset.packed
        headers |= {"Content-Encoding": "gzip"}
    return web.Response(body=content, headers={**headers, "Content-Type": asset.media_type})
