"""One probe of one endpoint, against servers that behave and servers that do not."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.decision.plan import Measure
from extproc.probing.endpoint import ABSENT_FOR
from extproc.snapshot import Credential, Endpoint, HealthSpec, SignSpec
from tests.envoy.gateway import free_port
from tests.probing import server
from tests.probing.scene import PATIENCE, Scene, cluster
from tests.probing.server import Misbehaviour, page, serving

STATS = page(body=json.dumps({"queue_depth": 3, "tokens_per_second": 120, "latency_p95_ms": 850}).encode())
QUEUE = b"llamacpp:requests_processing 1\nllamacpp:requests_deferred 4\n"


async def test_a_server_of_seed_shape_is_well_and_tells_its_numbers() -> None:
    scene = Scene()
    async with serving({"/health": page(), "/stats": STATS}) as answering:
        endpoint = scene.endpoint(cluster(answering.port))
        assert await endpoint.probe()
        assert answering.paths == ["/health", "/stats"], "nothing is left to ask"
    assert (endpoint.health.state, endpoint.health.why) == ("serving", "")
    assert endpoint.queue_depth == Measure(3.0, scene.time)
    assert endpoint.tokens_per_second == Measure(120.0, scene.time)
    assert endpoint.latency_p95 == Measure(0.85, scene.time)


async def test_what_is_not_there_is_not_asked_for_again_for_a_while() -> None:
    scene = Scene()
    async with serving({"/v1/models": page(body=b"{}"), "/metrics": page(body=QUEUE)}) as answering:
        endpoint = scene.endpoint(cluster(answering.port))
        assert await endpoint.probe()
        assert answering.paths == ["/health", "/v1/models", "/stats", "/metrics"]
        answering.asked.clear()
        scene.time += ABSENT_FOR - 1
        assert await endpoint.probe()
        assert answering.paths == ["/v1/models", "/metrics"]
        answering.asked.clear()
        scene.time += 1
        assert await endpoint.probe()
        assert answering.paths == ["/health", "/v1/models", "/stats", "/metrics"]
    assert endpoint.queue_depth == Measure(4.0, scene.time)


@pytest.mark.parametrize(
    ("pages", "well", "why"),
    [
        ({"/health": page(503)}, False, "answers 503"),
        ({"/health": page(500)}, False, "answers 500"),
        ({"/health": page(401)}, True, "answers 401 at /health, so it is alive"),
        ({"/health": page(403)}, True, "answers 403 at /health, so it is alive"),
        ({"/health": page(429)}, True, "answers 429 at /health, so it is alive"),
        ({"/v1/models": page(401)}, True, "answers 401 at /v1/models, so it is alive"),
        ({"/v1/models": page(502)}, False, "answers 502"),
        ({}, True, "answers, and has no page about its health"),
        ({"/health": page(302, location="http://127.0.0.1:1/"), "/v1/models": page()}, True, ""),
        ({"/health": server.hang}, False, f"no answer within {PATIENCE:g} s"),
        ({"/health": server.drip_headers}, False, f"no answer within {PATIENCE:g} s"),
        ({"/health": server.reset}, False, "connection reset"),
        ({"/health": server.leave}, False, "its answer is no HTTP, or breaks off"),
        ({"/health": server.babble}, False, "its answer is no HTTP, or breaks off"),
        ({"/health": server.never_end}, True, ""),
        ({"/health": server.drip_body}, True, ""),
    ],
)
async def test_how_it_is(pages: dict[str, bytes | Misbehaviour], well: bool, why: str) -> None:
    async with serving(pages) as answering:
        endpoint = Scene().endpoint(cluster(answering.port))
        assert await endpoint.probe() is well
        assert not any(path.startswith("http") or path == "/" for path in answering.paths)
    said = endpoint.health.why
    assert said == (why if well else f"a probe failed: {why}")


@pytest.mark.parametrize(
    ("answer", "well", "why"),
    [
        (page(), True, ""),
        (page(204), True, ""),
        (page(401), True, "answers 401 at /live?deep=1, so it is alive"),
        (page(404), False, "a probe failed: answers 404 at /live?deep=1"),
        (page(301), False, "a probe failed: answers 301 at /live?deep=1, and redirects are not followed"),
        (page(503), False, "a probe failed: answers 503"),
        (page(501), False, "a probe failed: answers 501 at /live?deep=1"),
    ],
)
async def test_the_page_that_the_operator_names_must_answer_well(answer: bytes, well: bool, why: str) -> None:
    async with serving({"/live?deep=1": answer, "/health": page(200)}) as answering:
        spec = HealthSpec(timeout=PATIENCE, path="/live?deep=1")
        endpoint = Scene().endpoint(cluster(answering.port, health=spec))
        assert await endpoint.probe() is well
        assert "/health" not in answering.paths
    assert endpoint.health.why == why


async def test_nobody_listens() -> None:
    endpoint = Scene().endpoint(cluster(free_port()))
    assert not await endpoint.probe()
    assert endpoint.health.why == "a probe failed: connection refused"


async def test_while_it_loads_it_is_not_well_and_then_it_is() -> None:
    async with serving({"/health": page(503, b'{"error":{"message":"Loading model"}}')}) as answering:
        endpoint = Scene().endpoint(cluster(answering.port, health=HealthSpec(timeout=PATIENCE, failure_threshold=1)))
        assert not await endpoint.probe()
        assert (endpoint.health.state, endpoint.health.why) == ("shut", "a probe failed: answers 503")
        answering.pages["/health"] = page()
        assert await endpoint.probe() and endpoint.health.state == "probing"
        assert await endpoint.probe() and endpoint.health.state == "serving"


@pytest.mark.parametrize(
    "metrics",
    [
        page(body=b"\xff\x00garbage{{{\n" * 50),
        page(body=b"llamacpp:requests_processing 1\nllamacpp:requests_deferred NaN\n"),
        page(500),
        page(501),
        page(body=QUEUE, content_encoding="gzip")[:-20],
        server.never_end,
        server.drip_body,
        server.hang,
        server.reset,
    ],
)
async def test_numbers_that_cannot_be_had_are_no_failure(metrics: bytes | Misbehaviour) -> None:
    async with serving({"/health": page(), "/stats": page(body=b"<html>"), "/metrics": metrics}) as answering:
        endpoint = Scene().endpoint(cluster(answering.port))
        began = time.monotonic()
        assert await endpoint.probe()
        assert time.monotonic() - began < 10 * PATIENCE
    assert endpoint.health.state == "serving"
    assert (endpoint.queue_depth, endpoint.tokens_per_second, endpoint.latency_p95) == (None, None, None)


async def test_a_page_of_numbers_that_never_answered_is_left_for_a_while() -> None:
    scene = Scene()
    async with serving({"/health": page(), "/stats": server.hang, "/metrics": page(body=QUEUE)}) as answering:
        endpoint = scene.endpoint(cluster(answering.port))
        assert await endpoint.probe() and await endpoint.probe()
        assert answering.paths == ["/health", "/stats", "/metrics", "/health", "/metrics"]
        answering.pages["/metrics"] = server.hang
        assert await endpoint.probe()
        answering.pages["/metrics"] = page(body=QUEUE.replace(b"4", b"7"))
        assert await endpoint.probe()
    assert endpoint.queue_depth == Measure(7.0, scene.time), "one that did answer is asked again at once"


async def test_the_least_that_it_did_does_not_replace_what_it_can() -> None:
    scene = Scene()
    text = "vllm:num_requests_running {}\nvllm:num_requests_waiting 0\nvllm:generation_tokens_total {}\n"
    async with serving({"/health": page()}) as answering:
        endpoint = scene.endpoint(cluster(answering.port))
        for running, tokens in ((1, 0), (1, 1000), (0, 1000), (0, 1100)):
            answering.pages["/metrics"] = page(body=text.format(running, tokens).encode())
            assert await endpoint.probe()
            scene.time += 10
        assert endpoint.tokens_per_second == Measure(100.0, 1010.0)
        answering.pages["/metrics"] = page(body=text.format(1, 1600).encode())
        assert await endpoint.probe()
    assert endpoint.tokens_per_second == Measure(50.0, 1040.0), "busy, and slower than it was"


async def test_a_probe_shows_what_requests_show() -> None:
    scene = Scene(keys={"credential.west": b"the-key", "sign.west": b"your-shared-secret-here"})
    async with serving({"/health": page()}) as answering:
        provider = cluster(
            answering.port, headers={"X-Pool": "a"}, credential=Credential("injected"), sign=SignSpec("v1")
        )
        endpoint = scene.endpoint(provider)
        assert await endpoint.probe()
        _, headers = answering.asked[0]
    assert headers["authorization"] == "Bearer the-key" and headers["x-pool"] == "a"
    assert headers["x-signature"] == "92d7f51881baf289308edc0af4e875373034e23d04e3477f863d78d14225e7ec"
    assert (headers["x-timestamp"], headers["x-auth-type"]) == ("1700000000", "hmac-sha256")
    assert headers["host"] == f"127.0.0.1:{answering.port}"
    assert headers["user-agent"].startswith("extproc-probe/") and headers["accept-encoding"] == "identity"


async def test_what_cannot_be_signed_is_not_asked() -> None:
    scene = Scene(keys={"sign.west": b""})
    async with serving({"/health": page()}) as answering:
        endpoint = scene.endpoint(cluster(answering.port, sign=SignSpec("v2")))
        assert not await endpoint.probe()
        assert endpoint.health.why == "a probe failed: the probe cannot be signed"
        scene.keys["sign.west"] = b"a"
        assert await endpoint.probe()
        assert [headers["x-nonce"] for _, headers in answering.asked] == ["a-nonce"] * len(answering.asked)


async def test_a_key_that_rotates_is_asked_for_each_time_and_a_callers_never() -> None:
    scene = Scene(keys={"credential.west": b"old"})
    async with serving({"/health": page()}) as answering:
        endpoint = scene.endpoint(cluster(answering.port, credential=Credential("injected", "x-api-key", "")))
        await endpoint.probe()
        scene.keys["credential.west"] = b"new"
        await endpoint.probe()
        asked = [headers["x-api-key"] for path, headers in answering.asked if path == "/health"]
        answering.asked.clear()
        await scene.endpoint(cluster(answering.port, credential=Credential("caller"))).probe()
        assert "authorization" not in answering.asked[0][1]
    assert asked == ["old", "new"]


async def test_a_key_that_no_header_can_hold_is_no_answer_and_is_not_said() -> None:
    scene = Scene(keys={"credential.west": b"se\ncret"})
    async with serving({"/health": page()}) as answering:
        endpoint = scene.endpoint(cluster(answering.port, credential=Credential("injected")))
        assert not await endpoint.probe()
        assert answering.asked == []
    assert "se" not in endpoint.health.why.replace("sent", "") and endpoint.health.state == "unknown"


@pytest.mark.parametrize(
    ("prefix", "versioned", "asked"),
    [
        ("/v1", True, ["/health", "/v1/models", "/stats", "/metrics"]),
        ("/llm/v1", True, ["/llm/health", "/llm/v1/models", "/llm/stats", "/llm/metrics"]),
        ("", False, ["/health", "/v1/models", "/stats", "/metrics"]),
        ("/api/v2", True, ["/api/v2/health", "/api/v2/models", "/api/v2/stats", "/api/v2/metrics"]),
    ],
)
async def test_its_pages_lie_beside_its_api(prefix: str, versioned: bool, asked: list[str]) -> None:
    async with serving({}) as answering:
        provider = cluster(answering.port, path_prefix=prefix, versioned=versioned)
        assert await Scene().endpoint(provider).probe()
        assert answering.paths == asked


async def test_a_unix_socket(tmp_path: Path) -> None:
    socket = str(tmp_path / "s")
    provider = replace(cluster(), endpoints=(Endpoint("unix", socket, 0),))
    async with serving({"/health": page(), "/stats": STATS}, at=socket) as answering:
        endpoint = Scene().endpoint(provider)
        assert await endpoint.probe() and endpoint.queue_depth == Measure(3.0, 1000.0)
        assert answering.asked[0][1]["host"] == "localhost"
    (tmp_path / "s").unlink(missing_ok=True)
    gone = Scene().endpoint(provider)
    assert not await gone.probe()
    assert gone.health.why == "a probe failed: its socket does not exist"


async def test_an_environment_with_a_proxy_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving({"/health": page()}) as answering:
        assert await Scene().endpoint(cluster(answering.port)).probe()


async def test_a_probe_that_is_cancelled_ends_at_once() -> None:
    async with serving({"/health": server.hang}) as answering:
        endpoint = Scene().endpoint(cluster(answering.port, health=HealthSpec(timeout=30)))
        probing = asyncio.ensure_future(endpoint.probe())
        while not answering.asked:
            await asyncio.sleep(0.005)
        probing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(probing, 1)
        await endpoint.close()
