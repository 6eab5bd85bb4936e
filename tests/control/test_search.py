"""What is found in the archive, and in which order it is listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.control.filled import take
from tests.control.harness import Api, Parts
from vprinter_common.contracts.printer import Mode
from vprinter_control.domain.words import MAX_WORD, MAX_WORDS, terms_of, words_of


async def names(api: Api, query: str) -> list[str]:
    """The names that a query finds."""
    return sorted(item["name"] for item in await api.items(f"archive?{query}"))


@pytest.fixture
async def shelf(api: Api, parts: Parts) -> dict[str, str]:
    """Four files in the archive: ids by name."""
    ids = await take(
        parts, "Dragon_Egg_0.2mm.gcode.3mf", "größe-ÄRMEL.3mf", "红色龙虾.gcode.3mf", 'O\'Neil "x" 50%.3mf'
    )
    return {item["name"]: item["id"] for item in await api.items("archive") if item["id"] in ids}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("dragon", ["Dragon_Egg_0.2mm"]),
        ("EGG dra", ["Dragon_Egg_0.2mm"]),
        ("0.2mm", ["Dragon_Egg_0.2mm"]),
        ("agon", []),
        ("grosse", ["größe-ÄRMEL"]),
        ("armel", ["größe-ÄRMEL"]),
        ("龙虾", ["红色龙虾"]),
        ("虾龙", []),
        ("o'neil", ['O\'Neil "x" 50%']),
        ('"x" AND OR NOT NEAR( *', []),
        ("x* -50%", ['O\'Neil "x" 50%']),
        ("dragon lobster", []),
    ],
)
async def test_words_and_beginnings_of_words_are_found_in_any_script(
    api: Api, shelf: dict[str, str], asked: str, found: list[str]
) -> None:
    answer = await api("GET", "archive", params={"q": asked})
    assert [item["name"] for item in answer.body["items"]] == found


async def test_what_is_written_about_a_file_is_found_at_once(api: Api, shelf: dict[str, str]) -> None:
    id_ = shelf["Dragon_Egg_0.2mm"]
    await api.patch(f"archive/{id_}", {"notes": "for Käthe", "tags": ["Gift", "spare part"], "name": "Hatchling"})
    assert await names(api, "q=kathe") == await names(api, "q=gift") == await names(api, "q=hatch") == ["Hatchling"]
    assert await names(api, "tag=gift") == await names(api, "tag=SPARE%20PART") == ["Hatchling"]
    assert await names(api, "tag=spare") == []
    await api.patch(f"archive/{id_}", {"notes": "", "tags": []})
    assert await names(api, "q=kathe") == await names(api, "tag=gift") == []


async def test_a_deleted_file_is_not_found(api: Api, shelf: dict[str, str]) -> None:
    await api.delete(f"archive/{shelf['Dragon_Egg_0.2mm']}")
    assert await names(api, "q=dragon") == []


async def test_a_file_is_found_where_it_is(api: Api, parts: Parts) -> None:
    (id_,) = await take(parts, "vase.3mf", mode=Mode.REVIEW)
    assert [item["id"] for item in await api.items("pending?q=vase")] == [id_]
    await api.post(f"pending/{id_}/approve")
    assert await api.items("pending?q=vase") == []
    assert await names(api, "q=vase") == ["vase"]


async def test_filters_and_words_hold_together(api: Api, parts: Parts) -> None:
    await take(parts, "box.3mf", "lid.3mf", owner="Ann")
    await take(parts, "box.3mf", owner="Ben", printer="garage")
    assert len(await api.items("archive?q=box")) == 2
    assert [item["owner"] for item in await api.items("archive?q=box&owner=Ann")] == ["Ann"]
    assert await api.items("archive?q=lid&printer=garage") == []
    assert len(await api.items("archive?model=X1C")) == len(await api.items("archive?model=BL-P001")) == 3
    assert await api.items("archive?model=no%20such") == []


SORTS = ("received_at", "name", "size", "seconds", "grams")


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{sort}" for sort in SORTS)])
async def test_every_order_is_the_same_page_by_page(api: Api, parts: Parts, sort: str) -> None:
    await take(parts, "b.3mf", "A.3mf", "c.gcode", "a.3mf", "d.gcode", "B.gcode")
    whole = [item["id"] for item in await api.items(f"archive?sort={sort}")]
    seen: list[str] = []
    cursor = ""
    while True:
        page = await api.get(f"archive?sort={sort}&limit=2{cursor}")
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == whole
    assert len(whole) == 6


async def test_what_comes_and_goes_does_not_shift_a_page(api: Api, parts: Parts) -> None:
    await take(parts, *(f"{letter}.3mf" for letter in "bdfh"))
    first = await api.get("archive?sort=name&limit=2")
    await api.delete(f"archive/{first['items'][1]['id']}")
    await take(parts, "a.3mf", "g.3mf")
    rest = await api.get(f"archive?sort=name&cursor={first['next']}")
    assert [item["name"] for item in rest["items"]] == ["f", "g", "h"]


@pytest.mark.parametrize(
    "cursor",
    ["!", "W10", "WyJuYW1lIiwxLDJd", "WyJuYW1lIiwieCIsOTk5OTk5OTk5OTk5OTk5OTk5OTld", "bm9uZQ", "WyItbmFtZSIsIngiLDJd"],
)
async def test_a_cursor_of_another_list_is_refused(api: Api, cursor: str) -> None:
    answer = await api("GET", f"archive?sort=name&cursor={cursor}")
    assert (answer.status, answer.code, answer.body["field"]) == (422, "invalid_cursor", "cursor")


@given(st.text(max_size=200))
def test_a_word_of_a_text_is_a_term_that_finds_it(text: str) -> None:
    words = words_of(text)
    assert len(words) <= MAX_WORDS
    for word in words:
        assert 0 < len(word) <= MAX_WORD
        assert not set(word) & set(" \"'\\:&|!()*\0")
    for term in terms_of(text):
        assert {*term.words} <= {*words}
