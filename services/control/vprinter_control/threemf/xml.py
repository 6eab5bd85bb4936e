"""XML by strangers: no tree is built, nothing is expanded, nothing is fetched."""

from collections.abc import Iterable
from typing import Protocol
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from vprinter_control.threemf.package import Unreadable

Attributes = dict[str, str]


class Target(Protocol):
    """Takes a document as it comes; names carry their namespace in braces."""

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""


def parse(name: str, chunks: Iterable[bytes], target: Target, *, whole: bool = True) -> None:
    """Hand a document to a target; Unreadable if it is none. `whole` = it must be complete."""
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    try:
        for chunk in chunks:
            parser.feed(chunk)
        if whole:
            parser.close()
    except DefusedXmlException as error:
        raise Unreadable(f"{name} holds what no slicer writes: {type(error).__name__}") from error
    except (ParseError, ValueError, LookupError) as error:  # the latter two: an encoding that does not exist
        raise Unreadable(f"{name} is not XML: {error}"[:300]) from error


def local(tag: str) -> str:
    """An element's name without its namespace."""
    return tag.rpartition("}")[2]
