"""The verbs that the server knows. What is not here is answered with 502: REST, APPE, RNFR and RMD among them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import MappingProxyType

from vprinter_ftps import downloads, uploads, verbs_files, verbs_login, verbs_passive
from vprinter_ftps.session import Session

Handler = Callable[[Session, str], Awaitable[bytes | None]]
"""Does what a verb asks; returns the reply, or None if it has replied already."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: what does it, and whether it needs a login."""

    handle: Handler
    needs_login: bool = True


QUIT = "QUIT"

VERBS = MappingProxyType(
    {
        "USER": Verb(verbs_login.user, needs_login=False),
        "PASS": Verb(verbs_login.pass_, needs_login=False),
        QUIT: Verb(verbs_login.quit_, needs_login=False),
        "FEAT": Verb(verbs_login.feat, needs_login=False),
        "SYST": Verb(verbs_login.syst, needs_login=False),
        "NOOP": Verb(verbs_login.noop, needs_login=False),
        "OPTS": Verb(verbs_login.opts, needs_login=False),
        # Some clients protect the data channel before they log in.
        "PBSZ": Verb(verbs_login.pbsz, needs_login=False),
        "PROT": Verb(verbs_login.prot, needs_login=False),
        "TYPE": Verb(verbs_login.type_),
        "ABOR": Verb(verbs_login.abor),
        "EPSV": Verb(verbs_passive.epsv),
        "PASV": Verb(verbs_passive.pasv),
        "PWD": Verb(verbs_files.pwd),
        "XPWD": Verb(verbs_files.pwd),
        "CWD": Verb(verbs_files.cwd),
        "CDUP": Verb(verbs_files.cdup),
        "MKD": Verb(verbs_files.mkd),
        "SIZE": Verb(verbs_files.size),
        "MDTM": Verb(verbs_files.mdtm),
        "DELE": Verb(verbs_files.dele),
        "ALLO": Verb(verbs_files.allo),
        "AVBL": Verb(verbs_files.avbl),
        "STOR": Verb(uploads.stor),
        "RETR": Verb(downloads.retr),
        "LIST": Verb(downloads.list_),
        "NLST": Verb(downloads.nlst),
        "MLSD": Verb(downloads.mlsd),
    }
)
