"""Dashboards ask for what there is, and are what Grafana takes."""

import json
import re
from collections import Counter
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import generate
from deploy.grafana.dashboard import WIDTH
from tests.monitoring.promql import ROOT, faults

FILES = {path.name: path for path in sorted(generate.DIRECTORY.glob("*.json"))}
PAGES: dict[str, dict[str, Any]] = {name: json.loads(path.read_text()) for name, path in FILES.items()}
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$printer": ".*", "$target": ".*"}


def panels(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a dashboard, without the headings."""
    return [panel for panel in page["panels"] if panel["type"] != "row"]


EVERY = [pytest.param(panel, id=f"{name}: {panel['title']}") for name, page in PAGES.items() for panel in panels(page)]


def plain(expr: str) -> str:
    """An expression with Grafana's variables filled in."""
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def test_the_files_are_what_is_generated() -> None:
    written = {name: path.read_text() for name, path in FILES.items()}
    assert written == generate.files(), "run .venv/bin/python -m deploy.grafana.generate"


@pytest.mark.parametrize("panel", EVERY)
def test_a_panel_asks_for_what_there_is(panel: dict[str, Any]) -> None:
    exprs = [plain(target["expr"]) for target in panel["targets"]]
    assert [fault for expr in exprs for fault in faults(expr)] == []
    assert not any("$" in expr for expr in exprs)


@pytest.mark.parametrize("panel", EVERY)
def test_a_panel_says_what_it_counts_in(panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize("panel", EVERY)
def test_a_panels_runbook_exists(panel: dict[str, Any]) -> None:
    for link in panel.get("links", []):
        assert (ROOT / link["url"].replace("${runbooks}", "docs/runbooks")).exists()


def test_no_two_dashboards_have_one_uid_or_title() -> None:
    for key in ("uid", "title"):
        assert len({page[key] for page in PAGES.values()}) == len(PAGES)
    assert [page["uid"] for page in PAGES.values()] == [f"vprinter-{name.removesuffix('.json')}" for name in PAGES]


@pytest.mark.parametrize("name", PAGES)
def test_no_two_panels_have_one_id_or_place(name: str) -> None:
    every = PAGES[name]["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    places = Counter(
        (x, y)
        for place in (panel["gridPos"] for panel in every)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert max(places.values()) == 1
    assert all(x < WIDTH for x, _ in places)


@pytest.mark.parametrize("name", PAGES)
def test_a_dashboard_lets_choose_what_its_queries_use(name: str) -> None:
    offered = {variable["name"] for variable in PAGES[name]["templating"]["list"]}
    text = json.dumps(PAGES[name]["panels"])
    assert {"datasource", "printer", "runbooks"} <= offered
    assert set(re.findall(r"\$\{?([a-z]+)", text)) <= offered


@pytest.mark.parametrize("name", PAGES)
def test_a_dashboard_leads_to_the_others(name: str) -> None:
    (link,) = PAGES[name]["links"]
    assert set(link["tags"]) <= set(PAGES[name]["tags"])


@pytest.mark.parametrize("name", PAGES)
def test_grafanas_own_library_knows_every_key(name: str) -> None:
    plugins.register_default_plugins()
    known = json.loads(JSONEncoder().encode(Dashboard.from_json(PAGES[name])))
    assert unknown(PAGES[name], known) == []


def unknown(written: Any, known: Any, path: str = "") -> list[str]:
    """Keys that got lost on the way through the library: it does not know them."""
    match written, known:
        case dict(), dict():
            lost = [f"{path}.{key}" for key in written if key not in known and written[key] not in (None, "", [], {})]
            inner = [unknown(written[key], known[key], f"{path}.{key}") for key in written if key in known]
        case list(), list():
            lost = [] if len(written) == len(known) else [f"{path}: {len(written)} became {len(known)}"]
            inner = [
                unknown(one, other, f"{path}[{i}]") for i, (one, other) in enumerate(zip(written, known, strict=False))
            ]
        case _:
            return [] if written == known else [f"{path}: {written!r} became {known!r}"]
    return [*lost, *(fault for each in inner for fault in each)]
