"""The architecture's page names everything that crosses NATS, nothing else, and every room of the common library."""

import re
from collections.abc import Iterator
from pathlib import Path

import vprinter_common
from vprinter_common.contracts import subjects
from vprinter_common.contracts.document import channels

PAGE = (Path(__file__).parents[2] / "docs/architecture.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """What stands under a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def names(table: str) -> Iterator[str]:
    """The subjects, buckets and streams of a table; `a.{b, c}` is `a.b` and `a.c`."""
    for name in re.findall(r"`(vprinter[.-][^`]+|VPRINTER_[^`]+)`", table):
        before, brace, rest = name.partition("{")
        ends, _, after = rest.partition("}")
        yield from (f"{before}{end.strip()}{after}" for end in ends.split(",")) if brace else [name]


def test_what_crosses_nats_is_all_there() -> None:
    addresses = {re.sub(r"\{(\w+)\}", r"<\1>", channel.address) for channel in channels()}
    there = {address for address in addresses if not address.startswith("$KV.")}
    there |= {bucket.name for bucket in subjects.BUCKETS} | {subjects.FACT_STREAM.name}
    named = list(names(section("What crosses NATS")))
    assert sorted(named) == sorted(there)


def test_a_bucket_that_forgets_says_after_how_long() -> None:
    rows = re.findall(r"^\| KV bucket(?:, (\d+) s)? \| `([^`]+)`", section("What crosses NATS"), re.MULTILINE)
    assert {name: float(seconds) if seconds else None for seconds, name in rows} == {
        bucket.name: bucket.ttl for bucket in subjects.BUCKETS
    }


def test_every_room_of_the_common_library_is_on_the_map() -> None:
    (common,) = map(Path, vprinter_common.__path__)
    modules = {path.name for path in common.glob("*.py") if path.name != "__init__.py"}
    packages = {f"{path.parent.name}/" for path in common.glob("*/__init__.py")}
    words = set(section("Rooms").split())
    assert sorted((modules | packages) - words) == []
