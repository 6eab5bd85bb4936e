"""What must never be in a log: access codes, tokens, passwords, private keys."""

import re
from collections.abc import Iterable
from pathlib import Path

# Alone on its line: a traceback drawn with the same character is no welcome.
WELCOME_RULE = re.compile(r"^─{78}$", re.MULTILINE)
# A private RSA key of 2048 bits in PKCS#8 or PKCS#1, as PEM or inside JSON, starts like this.
KEY = re.compile(r"PRIVATE KEY-----|MIIE[opuv][A-Za-z0-9]IB")


def leaks(logs: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    """A line for each secret found in a log. The welcome of `vprinter up`, which shows the code on purpose, is left out."""
    found = []
    wanted = [secret for secret in secrets if secret]
    for log in logs:
        for number, line in enumerate(without_welcome(log.read_text(errors="replace")).splitlines(), 1):
            found += [f"{log.name}:{number}: {secret!r}: {line[:300]}" for secret in wanted if secret in line]
            if KEY.search(line):
                found.append(f"{log.name}:{number}: a private key: {line[:80]}")
    return found


def without_welcome(text: str) -> str:
    """The text without the blocks between two rules."""
    return "".join(WELCOME_RULE.split(text)[::2])
