"""The dashboard speaks of what a real Envoy really counts, and every panel of it shows something."""

import contextlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc.observe.envoy_statistics import ENVOY_STATISTICS
from tests.dataplane.certificates import Ca
from tests.envoy.demo import CHAT, Demo, body, demo
from tests.envoy.gateway import Gateway, running
from tests.envoy.statistics import Series, scraped, series
from tests.layout.prometheus import prometheus
from tests.layout.tools import ROOT

promql = pytest.importorskip("promql_parser", reason="promql-parser is not installed")

FILE = ROOT / "envoy" / "grafana" / "dashboard.json"
DASHBOARD = json.loads(FILE.read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
WINDOW = "20s"  # Envoy renews its histograms every 5 s
MODELS = ("lab/m", "falls-over", "steps-aside", "limited", "other/fault-500", "nobody/there")
OF_SCRAPES = {"job", "instance"}  # labels that Prometheus adds itself


def filled_in(expression: str) -> str:
    """As Grafana sends it, with everything chosen."""
    for name, value in (("$job", ".+"), ("$provider", ".+"), ("$__rate_interval", WINDOW)):
        expression = expression.replace(name, value)
    assert "$" not in expression, f"a variable that no dashboard has: {expression}"
    return expression


def asked_of(expression: str) -> list[tuple[str, dict[str, str], set[str]]]:
    """Each metric that it names, with the labels that must have a value, and those that it groups by."""
    found: list[tuple[str, dict[str, str]]] = []
    grouped: set[str] = set()

    def look(node: Any) -> None:
        match node:
            case promql.MatrixSelector():
                look(node.selector if hasattr(node, "selector") else node.vector_selector)
            case promql.VectorSelector():
                labels = {one.name: one.value for one in node.matchers.matchers}
                found.append((node.name, labels))
            case promql.AggregateExpr():
                if node.modifier is not None:
                    grouped.update(node.modifier.labels)
                look(node.expr)
            case promql.Call():
                for argument in node.args:
                    look(argument)
            case promql.BinaryExpr():
                look(node.lhs)
                look(node.rhs)
            case promql.ParenExpr():
                look(node.expr)

    look(promql.parse(expression))
    assert found, f"it asks for nothing: {expression}"
    return [(name, labels, grouped) for name, labels in found]


def missing(expression: str, there: list[Series]) -> str | None:
    """What of an expression a scrape does not have; None: it has all."""
    for name, labels, grouped in asked_of(expression):
        named = [dict(its) for one, its in there if one == name]
        if not named:
            return f"no metric {name}"
        wanted = {label: value for label, value in labels.items() if label not in OF_SCRAPES}
        fitting = [its for its in named if all(_fits(its.get(label), value) for label, value in wanted.items())]
        if not fitting:
            return f"no series of {name} with {wanted}"
        if not any(grouped - OF_SCRAPES <= its.keys() for its in fitting):
            return f"{name} has not the labels {grouped}, only {set(fitting[0])}"
    return None


def _fits(has: str | None, wanted: str) -> bool:
    return has is not None and re.fullmatch(wanted, has) is not None


def test_it_is_a_dashboard_of_grafana_10_and_later() -> None:
    assert DASHBOARD["schemaVersion"] >= 38
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "job", "provider"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    taken = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken)), "panels lie on each other"


def test_no_two_panels_have_one_title() -> None:
    titles = [panel["title"] for panel in PANELS]
    assert len(titles) == len(set(titles))


def none_left(look: Callable[[], list[str]], seconds: float = 60.0) -> list[str]:
    """What is left when the time is over, or nothing as soon as nothing is."""
    deadline = time.monotonic() + seconds
    while (left := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return left


@contextlib.contextmanager
def traffic(gateway: Gateway) -> Iterator[None]:
    """Good and bad, for as long as the block runs."""
    ended = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=gateway.url, timeout=20, trust_env=False) as client:
            while not ended.is_set():
                for model in MODELS:
                    client.post(CHAT, json=body(model, stream=model == "lab/m"), headers={"x-api-key": "k"})
                ended.wait(0.2)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(30)


@pytest.fixture(scope="module")
def gateway(demos: dict[str, Demo], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.write_bytes(Ca().certificate)
    guarded = {"dialect": "openai", "endpoints": ["https://127.0.0.1:1"], "tls": {"ca": str(ca)}}
    config = {
        "providers": {
            "lab": demos["lab"].configured(circuit_breaker={"failure_threshold": 100_000}),  # its failures shall go on
            "other": demos["other"].configured(),
            "shut": {"dialect": "openai", "base_url": "http://127.0.0.1:1/v1"},
            "guarded": guarded,
        },
        "aliases": {
            "falls-over": ["shut/m", "lab/fault-500", "other/m"],
            "steps-aside": ["lab/fault-429", "other/m"],
            "limited": ["other/fault-429"],
        },
        "callers": [{"name": "team", "key": "k"}],
    }
    with running(config, "--access-log", "off") as made:
        yield made


@pytest.fixture(scope="module")
def demos() -> Iterator[dict[str, Demo]]:
    with demo("lab") as lab, demo("other") as other:
        yield {"lab": lab, "other": other}


def test_every_metric_and_label_that_it_names_is_in_a_scrape(gateway: Gateway) -> None:
    def gaps() -> list[str]:
        there = [one for one, _ in series(scraped(gateway))]
        return [gap for each in EXPRESSIONS if (gap := missing(filled_in(each), there)) is not None]

    with traffic(gateway):
        assert none_left(gaps) == []


def test_every_metric_that_the_page_explains_is_in_a_scrape(gateway: Gateway) -> None:
    def gaps() -> list[str]:
        there: dict[str, set[str]] = {}
        for (name, labels), _ in series(scraped(gateway)):
            there.setdefault(name.removesuffix("_bucket"), set()).update(label for label, _ in labels)
        return [one.name for one in ENVOY_STATISTICS if not set(one.labels) <= there.get(one.name, {"no such metric"})]

    with traffic(gateway):
        assert none_left(gaps) == []


def test_every_expression_gives_a_number_in_a_real_prometheus(gateway: Gateway, tmp_path: Path) -> None:
    with prometheus(gateway, tmp_path) as server, traffic(gateway):

        def silent() -> list[str]:
            return [one for one in map(filled_in, EXPRESSIONS) if not any(map(math.isfinite, server.values(one)))]

        assert none_left(silent) == []
        failed, followed = "envoy_cluster_retry_upstream_rq_xx", "envoy_cluster_upstream_rq_retry"
        assert server.values(f'sum(rate({failed}{{provider="lab", envoy_response_code_class="5"}}[20s]))')[0] > 0
        assert server.values(f'sum(rate({followed}{{provider="other"}}[20s]))')[0] > 0, "whoever is tried next"
        assert server.values('count(extproc_exchanges_total{job="extproc"})')[0] > 0
