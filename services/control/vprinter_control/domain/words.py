"""Texts as words that a search compares. Both databases get the same words, so that both find the same."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2s
from itertools import groupby

from vprinter_control.domain.search_text import fold

MAX_WORDS = 4000
"""Words that are kept of one text."""
MAX_WORD = 64
"""Characters that are kept of one word."""
MAX_TERMS = 16
"""Words of a query that are looked for; the rest says little more."""
# Of no letter's or digit's kind, so that no text has a word that begins with it.
_MARK = "\ue000"
_ASCII_WORD = re.compile("[a-z0-9]+")
# Scripts that put no space between words: each character is a word, and a run of them is looked for in its order.
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """What a text must hold: these words one after the other. The last one may go on, if `prefix`."""

    words: tuple[str, ...]
    prefix: bool = True


def words_of(text: str) -> list[str]:
    """The words of a text in their order."""
    return [word[:MAX_WORD] for run in _runs(text) for word in run][:MAX_WORDS]


def terms_of(query: str) -> list[Term]:
    """What a query asks for: every one of the terms."""
    found = (Term(tuple(word[:MAX_WORD] for word in run)[:MAX_WORD]) for run in _runs(query))
    return list(dict.fromkeys(found))[:MAX_TERMS]


def tag_word(tag: str) -> str:
    """The word that stands for a whole tag."""
    return _MARK + blake2s(fold(tag).strip().encode(errors="replace"), digest_size=12).hexdigest()


def tag_words(tags: Iterable[str]) -> list[str]:
    """The words that stand for tags."""
    return [tag_word(tag) for tag in tags]


def tag_term(tag: str) -> Term:
    """What a text with this tag holds."""
    return Term((tag_word(tag),), prefix=False)


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    """Runs of letters and digits: a word, or the characters of a script without spaces."""
    if text.isascii():  # most texts are, and long ones are much quicker so
        yield from ((word,) for word in _ASCII_WORD.findall(text.lower()))
        return
    plain = (char for char in unicodedata.normalize("NFKD", fold(text)) if unicodedata.category(char) != "Mn")
    for kind, characters in groupby(plain, _kind):
        if kind == "word":
            yield ("".join(characters),)
        elif kind == "unspaced":
            yield tuple(characters)


def _kind(character: str) -> str:
    code = ord(character)
    if code >= _UNSPACED[0][0] and any(low <= code <= high for low, high in _UNSPACED):
        return "unspaced" if character.isalnum() else "between"
    return "word" if character.isalnum() or unicodedata.category(character) == "Mc" else "between"
