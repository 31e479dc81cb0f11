"""The admin ports' endpoints: of one processor, and of the gateway."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from extproc.api.gateway import gateway_app
from extproc.api.processor import METRICS_TYPE, processor_app
from extproc.config.transfer import decode_snapshot, encode_snapshot
from tests.exchange.scene import snapshot

HEALTH: dict[str, object] = {"status": "healthy", "healthy_clusters": 1}
PROVIDERS: dict[str, object] = {"west": {"status": "healthy", "latency_ms": 1.5, "error_rate": None}}
SEEN: dict[str, object] = {"targets": {"lab/small": {"in_flight": 2}}, "outputs": {}, "shares": {}}
PAGES: dict[str, dict[str, object]] = {
    "/health/providers": PROVIDERS,
    "/canaries": {"canaries": []},
    "/observations": SEEN,
}
READY = {"status": "ready", "config": {"hash": "h", "age_seconds": 1.0, "error": None}}


async def get(app: Starlette, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin") as http:
        return await http.request(method, path, **more)


STATISTICS = (b"envoy_one{} 1\n", b"envoy_two{} 2\n")


class Gateway:
    def __init__(self, body: dict[str, object]) -> None:
        self._body = body

    async def ready(self) -> dict[str, object]:
        return self._body

    async def metrics(self) -> str:
        return "extproc_one 1\n"

    async def statistics(self, *, used_only: bool) -> AsyncIterator[bytes]:
        if not self._body:
            raise httpx.ConnectError("no socket")
        for piece in STATISTICS[used_only:]:
            yield piece

    async def page(self, path: str) -> dict[str, object] | None:
        return {"/health": HEALTH, **PAGES}[path] if self._body else None


def processor(body: dict[str, object], **control: Any) -> Starlette:
    pages = {path: (lambda page=page: page) for path, page in PAGES.items()}
    return processor_app(
        ready=lambda: body, metrics=lambda: b"extproc_one 1\n", health=lambda: HEALTH, pages=pages, **control
    )


def gateway(body: dict[str, object]) -> Starlette:
    made = Gateway(body)
    return gateway_app(made, made.statistics)


APPS = pytest.mark.parametrize("app_of", [processor, gateway])
AppOf = Callable[[dict[str, object]], Starlette]


@APPS
@pytest.mark.parametrize("status", ["ready", "not ready", "draining"])
async def test_alive_is_always_200_and_ready_only_when_ready(app_of: AppOf, status: str) -> None:
    body: dict[str, object] = {**READY, "status": status}
    assert (await get(app_of(body), "/healthz")).json() == {"status": "ok"}
    ready = await get(app_of(body), "/readyz")
    assert (ready.status_code, ready.json()) == (200 if status == "ready" else 503, body)


@APPS
async def test_metrics_come_in_the_form_that_prometheus_reads(app_of: AppOf) -> None:
    answer = await get(app_of(READY), "/metrics")
    assert (answer.status_code, answer.text) == (200, "extproc_one 1\n")
    assert answer.headers["content-type"] == METRICS_TYPE


async def test_envoys_statistics_pass_in_pieces_and_nothing_else_of_its_admin_does() -> None:
    answer = await get(gateway(READY), "/metrics/envoy")
    assert (answer.status_code, answer.content) == (200, b"".join(STATISTICS))
    assert answer.headers["content-type"] == METRICS_TYPE
    assert (await get(gateway(READY), "/metrics/envoy?usedonly&filter=x")).content == STATISTICS[1]
    for path in ("/stats", "/metrics/envoy/", "/metrics/envoy/../quitquitquit", "/quitquitquit", "/config_dump"):
        assert (await get(gateway(READY), path)).status_code in (404, 307), path
    assert (await get(gateway(READY), "/metrics/envoy", "POST")).status_code == 405


async def test_an_envoy_that_does_not_answer_has_no_statistics() -> None:
    silent = await get(gateway({}), "/metrics/envoy")
    assert (silent.status_code, "Envoy" in silent.json()["error"]) == (503, True)


async def test_the_gateways_front_page_says_what_there_is() -> None:
    assert (await get(gateway(READY), "/")).text == (
        "extproc: /healthz /readyz /ready /health /metrics /metrics/envoy /health/providers /canaries /observations\n"
    )


@APPS
@pytest.mark.parametrize("path", ["/control/snapshot", "/control/rejected"])
async def test_nobody_can_steer_where_nothing_private_listens(app_of: AppOf, path: str) -> None:
    assert (await get(app_of(READY), path, "POST", content=b"x")).status_code == 404


async def test_on_the_private_socket_a_snapshot_is_swapped_and_named() -> None:
    taken = []

    def swap(data: bytes) -> str:
        taken.append(decode_snapshot(data))
        return taken[-1].id

    one = snapshot()
    answer = await get(processor(READY, swap=swap), "/control/snapshot", "POST", content=encode_snapshot(one))
    assert (answer.status_code, answer.json()) == (200, {"snapshot": one.id})
    assert taken == [one]
    assert (await get(processor(READY, swap=swap), "/control/snapshot")).status_code == 405


@pytest.mark.parametrize("data", [b"", b"junk", b"\x81\xa2id\x01", b"\xc1"])
async def test_what_is_no_snapshot_is_refused_and_changes_nothing(data: bytes) -> None:
    answer = await get(
        processor(READY, swap=lambda told: decode_snapshot(told).id), "/control/snapshot", "POST", content=data
    )
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_a_rejected_reload_is_counted_on_the_private_socket() -> None:
    counted = []
    app = processor(READY, rejected=lambda: counted.append(1))
    assert (await get(app, "/control/rejected", "POST")).status_code == 204
    assert counted == [1]


@APPS
async def test_health_is_told_of_all_and_of_each(app_of: AppOf, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(READY)
    assert (await get(app, "/ready")).json() == READY
    for status, code in (("healthy", 200), ("degraded", 200), ("unhealthy", 503)):
        monkeypatch.setitem(HEALTH, "status", status)
        health = await get(app, "/health")
        assert (health.status_code, health.json()) == (code, HEALTH)


@APPS
async def test_each_page_is_json(app_of: AppOf) -> None:
    for path, page in PAGES.items():
        answer = await get(app_of(READY), path)
        assert (answer.status_code, answer.json()) == (200, page)
        assert answer.headers["content-type"] == "application/json"


async def test_a_gateway_whose_processor_does_not_answer_says_so() -> None:
    for path in ("/health", *PAGES):
        silent = await get(gateway({}), path)
        assert (silent.status_code, "does not answer" in silent.json()["error"]) == (503, True)
