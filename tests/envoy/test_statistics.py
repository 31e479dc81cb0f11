"""Envoy's own statistics come out of the admin port: whole, once each, and going on through a reload."""

import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from extproc.dataplane import supervise
from tests.dataplane.supervised import compiled, supervised
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.statistics import scraped, series, total

REQUESTS = "envoy_cluster_upstream_rq_total"


def chat(gateway: Gateway, model: str) -> None:
    assert httpx.post(gateway.url + CHAT, json=body(model), trust_env=False).status_code == 200


def test_a_changed_provider_goes_on_counting_and_no_series_stands_twice(demos: dict[str, Demo]) -> None:
    config = {"providers": {"la.b": demos["lab"].configured(), "other": demos["other"].configured()}}
    with running(config, "--access-log", "off") as gateway:
        chat(gateway, "la.b/m")
        config["providers"]["la.b"]["connect_timeout"] = "3s"  # another cluster by what it means
        gateway.reload(config)
        chat(gateway, "la.b/m")
        eventually(lambda: total(scraped(gateway), REQUESTS, provider="la.b") == 2, "both requests counted together")
        text = scraped(gateway)
        assert [one for one, times in Counter(one for one, _ in series(text)).items() if times > 1] == []
        assert total(text, "envoy_cluster_membership_total", provider="other") == 2  # its address, and the sink
        assert total(text, "envoy_extproc_exchanges", provider="la.b", code="200") == 2
        assert len(scraped(gateway, "/metrics/envoy?usedonly")) < len(text) / 2
        assert "extproc_exchanges_total" in gateway.metrics() and "envoy_cluster" not in gateway.metrics()


def test_what_was_counted_stays_when_the_old_cluster_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "DROP_OLD_AFTER", 0.1)
    text = "providers: {{lab: {{dialect: openai, base_url: 'http://127.0.0.1:1/v1', connect_timeout: {}}}}}"
    with supervised(compiled(text.format("2s"))) as gateway:
        envoy = gateway.supervisor._envoy
        assert envoy is not None

        def told(name: str) -> str:
            return gateway.done(envoy.stat(name))

        with gateway.client() as client:
            client.post(CHAT, json=body("lab/m"))
        before = told("cluster.lab.upstream.upstream_cx_connect_fail")
        assert before not in ("", "0")
        gateway.change(compiled(text.format("3s")))
        eventually(lambda: told("cluster_manager.cluster_removed") == "1", "the old cluster is gone")
        assert told("cluster.lab.upstream.upstream_cx_connect_fail") == before
        assert told("cluster.lab.upstream.membership_total") == "2"


def test_a_rotated_access_log_loses_nothing(demos: dict[str, Demo], tmp_path: Path) -> None:
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    with running({"providers": {"lab": demos["lab"].configured()}}, "--access-log", str(log)) as gateway:
        asked = 0
        for _ in range(20):
            chat(gateway, "lab/m")
            asked += 1
        log.rename(old)
        for _ in range(20):
            chat(gateway, "lab/m")
            asked += 1
        assert gateway.process is not None
        os.kill(gateway.process.pid, signal.SIGUSR1)
        for _ in range(20):
            chat(gateway, "lab/m")
            asked += 1
        eventually(log.exists, "a new file by the old name")
        eventually(lambda: "opened its access log anew" in gateway.err.text(), "that it says so")

        def written() -> list[str]:
            return [*old.read_text().splitlines(), *log.read_text().splitlines()]

        eventually(lambda: len(written()) == asked, "one line for each request, none lost, none twice", 30)
        assert log.read_text().splitlines(), "nothing went to the new file"


def test_a_log_to_standard_output_bears_the_signal_too(demos: dict[str, Demo]) -> None:
    with running({"providers": {"lab": demos["lab"].configured()}}, "--access-log", "-") as gateway:
        assert gateway.process is not None
        os.kill(gateway.process.pid, signal.SIGUSR1)
        eventually(lambda: "opened its access log anew" in gateway.err.text(), "that it says so")
        chat(gateway, "lab/m")
        eventually(lambda: gateway.lines("access"), "the line of the access log", 30)
