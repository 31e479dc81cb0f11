"""Envoy's own counters under names of ours."""

from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from extproc.dataplane.envoy_metrics import FILTER, WANTED, exposed, read
from extproc.observe.envoy_table import ENVOY_METRICS
from extproc.snapshot import AddressLimit, Listen, ListenLimits
from tests.dataplane.envoy import eventually, running
from tests.dataplane.snapshots import llm, provider, snapshot


def test_they_are_a_page_for_prometheus() -> None:
    """All of the table, whatever Envoy said; what it did not say is nothing."""
    said = "http.callers.downstream_cx_active: 7\noverload.envoy.resource_monitors.fixed_heap.pressure: 42\nother: 1\n"
    families = {family.name: family for family in text_string_to_metric_families(exposed(read(said)))}
    assert set(families) == {metric.name.removesuffix("_total") for metric in ENVOY_METRICS}
    assert families["extproc_connections_open"].samples[0].value == 7
    assert families["extproc_envoy_memory_share"].samples[0].value == 0.42
    reasons = {sample.labels["reason"]: sample.value for sample in families["extproc_requests_refused"].samples}
    assert reasons == {"address": 0, "overload": 0, "headers_timeout": 0, "request_timeout": 0}


@pytest.mark.envoy
def test_envoy_has_every_one_of_them() -> None:
    """By exactly these names, where everything that is counted is configured."""
    limits = ListenLimits(per_address=AddressLimit(5, 5), connections_per_second=1_000, memory=512 << 20)
    made = replace(snapshot(provider("good"), llm()), listen=Listen(limits=limits))
    with running(made) as envoy, httpx.Client(transport=httpx.HTTPTransport(uds=envoy.place.admin)) as admin:

        def known() -> dict[str, float]:
            return read(admin.get("http://envoy/stats", params={"filter": FILTER}).text)

        eventually(lambda: set(known()) == WANTED)
        assert set(known()) == WANTED
