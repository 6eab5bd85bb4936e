"""`certificate-authority`: whom slicers must trust, how they learn it, and who it is from now on."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import AwareDatetime, BaseModel, Field, SecretStr

from vprinter_common.certs import CertificateAuthority
from vprinter_control.api.routing import Access, Body, Call, Route
from vprinter_control.store.events import EventType, record
from vprinter_control.trust.candidate import CODES
from vprinter_control.trust.concerns import concerns
from vprinter_control.trust.installers import Platform, installer
from vprinter_control.trust.succession import RenewedKey, Succession, named

_PATH = "/certificate-authority"
_PEM = "application/x-pem-file"
_SCRIPTS = {
    Platform.LINUX: "text/x-shellscript",
    Platform.MACOS: "text/x-shellscript",
    Platform.WINDOWS: "text/plain",
}
_MAX_PEM = 64 * 1024

Fingerprint = Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2}:?){32}$", max_length=95)]


class ConcernObject(BaseModel):
    """Something worrying; `code` is stable."""

    code: str
    text: str


class AuthorityObject(BaseModel):
    """The CA that slicers must trust. Fingerprints are as `openssl x509 -fingerprint` prints them."""

    subject: str
    sha256: str
    sha1: str
    not_before: AwareDatetime
    not_after: AwareDatetime
    key: str
    path: str
    pem: str
    installers: dict[Platform, str]
    warnings: list[ConcernObject]


class SuccessorObject(AuthorityObject):
    """The CA from now on."""

    next_steps: list[str]
    """What is to be done at the slicers, in sentences."""


class ExportBody(Body):
    """What protects the private key on its way."""

    passphrase: SecretStr = Field(min_length=8, max_length=200)


class ImportBody(Body):
    """A CA from elsewhere: certificate and private key, one after the other."""

    pem: Annotated[SecretStr, Field(min_length=1, max_length=_MAX_PEM)]
    passphrase: SecretStr | None = Field(default=None, max_length=200)
    replaces: Fingerprint | None = None
    """SHA-256 fingerprint of the present CA, as a confirmation."""


class RenewBody(Body):
    """How to renew."""

    key: RenewedKey = RenewedKey.SAME
    replaces: Fingerprint | None = None
    """SHA-256 fingerprint of the present CA, as the confirmation that a new key takes."""


async def _show(call: Call) -> AuthorityObject:
    return _object(call, await call.control.trust.present())


async def _pem(call: Call) -> web.Response:
    authority = await call.control.trust.present()
    return _download(authority.certificate_pem, _PEM, "bbl_ca.crt")


def _installer(platform: Platform) -> Callable[[Call], Awaitable[web.Response]]:
    async def serve(call: Call) -> web.Response:
        trust = call.control.trust
        authority, earlier = await trust.present(), await trust.earlier()
        text = await asyncio.to_thread(
            installer, platform, authority.certificate_pem, authority.fingerprint_sha256, earlier
        )
        return _download(text, _SCRIPTS[platform], platform.filename)

    return serve


async def _export(call: Call) -> web.Response:
    body: ExportBody = call.body
    authority = await call.control.trust.present()
    sealed = await asyncio.to_thread(authority.sealed, body.passphrase.get_secret_value())
    async with call.control.database.write() as session:
        record(session, call.control.clock(), EventType.AUTHORITY_EXPORTED, **named(authority))
    return _download(sealed, _PEM, "virtual-printer-ca.pem")


async def _import(call: Call) -> SuccessorObject:
    body: ImportBody = call.body
    passphrase = body.passphrase.get_secret_value() if body.passphrase else None
    present = await call.control.trust.existing()
    successor = await _succession(call).adopt(body.pem.get_secret_value(), passphrase, body.replaces)
    unchanged = present is not None and present.fingerprint_sha256 == successor.fingerprint_sha256
    return _succeeded(call, successor, [] if unchanged or present is None else [_NOW])


async def _renew(call: Call) -> SuccessorObject:
    body: RenewBody = call.body
    present = await call.control.trust.present()
    successor = await _succession(call).renew(body.key, body.replaces)
    until = (
        f"Slicers that trust the CA now go on until {present.not_after:%Y-%m-%d}, the old certificate's end. "
        "Run the installer on every slicer's computer before that day: it replaces the old certificate."
    )
    return _succeeded(call, successor, [until if body.key is RenewedKey.SAME else _NOW])


_NOW = (
    "No slicer connects until it trusts the new certificate: run the installer on every slicer's computer now, "
    "then quit the slicer completely and start it again."
)


def _succession(call: Call) -> Succession:
    return Succession(call.control.trust, call.control.printers)


def _succeeded(call: Call, authority: CertificateAuthority, next_steps: list[str]) -> SuccessorObject:
    call.control.metrics.ca_not_after.set(authority.not_after.timestamp())
    return SuccessorObject(**dict(_object(call, authority)), next_steps=next_steps)


def _object(call: Call, authority: CertificateAuthority) -> AuthorityObject:
    kind = "RSA" if isinstance(authority.key, rsa.RSAPrivateKey) else "EC"
    here = f"/api/v1{_PATH}"
    return AuthorityObject(
        subject=authority.certificate.subject.rfc4514_string(),
        sha256=authority.fingerprint_sha256,
        sha1=authority.fingerprint_sha1,
        not_before=authority.certificate.not_valid_before_utc,
        not_after=authority.not_after,
        key=f"{kind} {authority.key.key_size}",
        path=str(call.control.trust.certificate_file),
        pem=f"{here}.pem",
        installers={platform: f"{here}/installers/{platform}" for platform in Platform},
        warnings=[ConcernObject(code=one.code, text=one.text) for one in concerns(authority)],
    )


def _download(text: str, media_type: str, filename: str) -> web.Response:
    return web.Response(
        body=text.encode(),
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"},
    )


_UNUSABLE = (HTTPStatus.SERVICE_UNAVAILABLE, "certificate_authority_unusable")
_NONE_YET = ((HTTPStatus.NOT_FOUND, "not_found"), _UNUSABLE)
_REPLACING = ((HTTPStatus.CONFLICT, "confirmation_needed"), _UNUSABLE)
_UNFIT = tuple((HTTPStatus.UNPROCESSABLE_ENTITY, code) for code in CODES)

ROUTES = (
    Route("GET", _PATH, "The CA that slicers must trust", _show, AuthorityObject, problems=_NONE_YET),
    Route(
        "GET",
        f"{_PATH}.pem",
        "The CA's certificate as PEM",
        _pem,
        access=Access.PUBLIC,
        media_type=_PEM,
        problems=_NONE_YET,
    ),
    *(
        Route(
            "GET",
            f"{_PATH}/installers/{platform}",
            f"A program that makes slicers on {name} trust the CA",
            _installer(platform),
            access=Access.PUBLIC,
            media_type=_SCRIPTS[platform],
            problems=_NONE_YET,
        )
        for platform, name in ((Platform.LINUX, "Linux"), (Platform.MACOS, "macOS"), (Platform.WINDOWS, "Windows"))
    ),
    Route(
        "POST",
        f"{_PATH}/export",
        "The CA's certificate and its private key, protected by a pass phrase",
        _export,
        body=ExportBody,
        media_type=_PEM,
        problems=_NONE_YET,
        secret_answer=True,
    ),
    Route(
        "POST",
        f"{_PATH}/import",
        "Use a CA from elsewhere: another host's export, or your own",
        _import,
        SuccessorObject,
        body=ImportBody,
        problems=(*_REPLACING, *_UNFIT),
    ),
    Route(
        "POST",
        f"{_PATH}/renew",
        "Renew the CA; with a new key every slicer must trust it anew",
        _renew,
        SuccessorObject,
        body=RenewBody,
        body_optional=True,
        problems=(*_NONE_YET, *_REPLACING),
    ),
)
