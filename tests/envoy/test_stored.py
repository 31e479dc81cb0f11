"""Files, uploads and batches through a real Envoy: calls reach their provider as they are, and nobody holds bytes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.counters import counted
from tests.envoy.gateway import Gateway, running
from tests.envoy.upstream import Asked, Upstream, scripted, whole

KEY = {"authorization": "Bearer gw-key", "cookie": "theirs"}
MEGABYTE = 1024 * 1024
LARGE = 100 * MEGABYTE


async def storing(asked: Asked, writer: asyncio.StreamWriter) -> None:
    if asked.path.endswith("/files/large/content"):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\ncontent-length: %d\r\n\r\n" % LARGE)
        for _ in range(LARGE // MEGABYTE):
            writer.write(b"x" * MEGABYTE)
            await writer.drain()
        return
    if "/missing" in asked.path:
        body = b'{"error":{"message":"No such File object: missing","type":"x","param":"id","code":"gone"}}'
        writer.write(whole(body, 404))
        return
    told = {"id": "f", "bytes": len(asked.body), "usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}
    writer.write(whole(json.dumps(told).encode()))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(storing) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    config = {
        "providers": {
            "lab": {
                "dialect": "openai",
                "base_url": f"{upstream.origin}/base/v1",
                "credential": "sk-lab",
                "headers": {"x-plan": "basic"},
                "models": [{"name": "*", "price": {"input": 1, "output": 1}}],
            },
            "azure": {
                "dialect": "azure_openai",
                "base_url": upstream.origin,
                "api_version": "2024-10-21",
                "credential": "azure-key",
                "models": {"az": "dep"},
            },
            "mistral": {"dialect": "mistral", "base_url": upstream.origin, "credential": "mk", "models": ["small"]},
            "claude": {"dialect": "anthropic", "base_url": upstream.origin, "credential": "k", "models": ["c"]},
        },
        "callers": [
            {"name": "ci", "key": "gw-key"},
            {"name": "few", "key": "gw-few", "models": ["small", "lab/files"], "providers": ["lab", "mistral"]},
        ],
        "routes": [
            {"match": {"headers": {"x-fixed": "1"}}, "provider": "lab", "attend": True, "usage": "exact"},
            {"match": {"headers": {"x-narrow": "1"}}, "providers": ["azure"]},
            {},
        ],
    }
    with running(config) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def nothing_asked(upstream: Upstream) -> None:
    upstream.asked.clear()


def ask(gateway: Gateway, method: str, path: str, provider: str | None = None, **more: Any) -> httpx.Response:
    named = {names.PROVIDER: provider} if provider else {}
    headers = {**KEY, **named, **more.pop("headers", {})}
    return httpx.request(method, gateway.url + path, headers=headers, trust_env=False, timeout=60, **more)


@pytest.mark.parametrize(
    ("method", "path", "provider", "target", "upstream_path"),
    [
        ("GET", "/v1/files?limit=2", "lab", "lab/files", "/base/v1/files?limit=2"),
        ("GET", "/files/f", "lab", "lab/files", "/base/v1/files/f"),
        ("GET", "/v1/files/f/content", "lab", "lab/files", "/base/v1/files/f/content"),
        ("DELETE", "/v1/files/f", "mistral", "mistral/files", "/v1/files/f"),
        ("GET", "/v1/batches?after=b", "lab", "lab/batches", "/base/v1/batches?after=b"),
        ("GET", "/batches/b", "azure", "azure/batches", "/openai/batches/b?api-version=2024-10-21"),
        ("POST", "/v1/batches/b/cancel", "lab", "lab/batches", "/base/v1/batches/b/cancel"),
        ("POST", "/v1/uploads/u/cancel", "azure", "azure/uploads", "/openai/uploads/u/cancel?api-version=2024-10-21"),
    ],
)
def test_a_call_without_a_body(
    gateway: Gateway, upstream: Upstream, method: str, path: str, provider: str, target: str, upstream_path: str
) -> None:
    answer = ask(gateway, method, path, provider)
    assert (answer.status_code, answer.headers[names.TARGET]) == (200, target)
    (asked,) = upstream.asked
    assert (asked.method, asked.path, asked.body) == (method, upstream_path, b"")
    credentials = {"lab": "Bearer sk-lab", "mistral": "Bearer mk", "azure": None}
    assert asked.headers.get("authorization") == credentials[provider]
    assert asked.headers.get("x-plan") == ("basic" if provider == "lab" else None)
    assert "gw-key" not in str(asked) and "theirs" not in str(asked)


def test_what_is_told_of_usage_is_not_paid_again(gateway: Gateway) -> None:
    """Whoever looks at a batch is told what it used, each time; on a route that counts exactly too."""
    for headers in ({}, {"x-fixed": "1"}):
        answer = ask(gateway, "GET", "/v1/batches/b", "lab", headers=headers)
        line = gateway.decision(answer.headers[names.REQUEST_ID])
        assert (line["endpoint"], line["target"], line["status"]) == ("batch", "lab/batches", 200)
        assert "usage" not in line and "cost" not in line and names.COST not in answer.headers


def test_a_batch_is_made_at_the_provider_that_its_body_names(gateway: Gateway, upstream: Upstream) -> None:
    body = b'{ "provider": "azure",\n "input_file_id": "f", "endpoint": "/v1/chat/completions", "team": "t" }'
    answer = ask(gateway, "POST", "/v1/batches", content=body, headers={"content-type": "application/json"})
    assert answer.headers[names.TARGET] == "azure/batches"
    (asked,) = upstream.asked
    assert json.loads(asked.body) == {"input_file_id": "f", "endpoint": "/v1/chat/completions"}
    assert asked.path == "/openai/batches?api-version=2024-10-21"
    plain = b'{"input_file_id":  "f","metadata":{"provider":"mine"}, "completion_window":"24h"}'
    ask(gateway, "POST", "/v1/batches", "lab", content=plain, headers={"content-type": "application/json"})
    assert upstream.asked[-1].body == plain


def test_a_file_comes_as_it_was_sent(gateway: Gateway, upstream: Upstream) -> None:
    answer = ask(gateway, "POST", "/v1/files", "lab", files={"file": ("a.jsonl", b"{}\n")}, data={"purpose": "batch"})
    assert answer.status_code == 200
    (asked,) = upstream.asked
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'filename="a.jsonl"' in asked.body and asked.body.count(b"purpose") == 1


def test_the_routes_provider_is_everybodys(gateway: Gateway, upstream: Upstream) -> None:
    assert ask(gateway, "GET", "/v1/files", headers={"x-fixed": "1"}).headers[names.TARGET] == "lab/files"
    answer = ask(gateway, "GET", "/v1/files", "azure", headers={"x-fixed": "1"})
    assert answer.headers[names.TARGET] == "azure/files"


@pytest.mark.parametrize(
    ("provider", "headers", "status", "code", "says"),
    [
        (None, {}, 404, "unknown_endpoint", "Name one of lab, azure, mistral by the header x-extproc-provider;"),
        ("claude", {}, 404, "unknown_endpoint", "The API of claude (anthropic) has no files."),
        ("nobody", {}, 404, "unknown_provider", "no provider is called nobody"),
        ("lab", {"x-narrow": "1"}, 403, "model_not_allowed", "this route does not allow provider lab"),
        ("azure", {"authorization": "Bearer gw-few"}, 403, "model_not_allowed", "may not use provider azure"),
        ("mistral", {"authorization": "Bearer gw-few"}, 403, "model_not_allowed", "may not use mistral/files"),
        ("lab", {"authorization": "Bearer no"}, 401, "invalid_api_key", "not known"),
    ],
)
def test_who_may_not_is_told_before_the_body_comes(
    gateway: Gateway, upstream: Upstream, provider: str, headers: dict[str, str], status: int, code: str, says: str
) -> None:
    answer = ask(gateway, "POST", "/v1/files", provider, headers=headers, content=b"x")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code) and says in error["message"]
    assert upstream.asked == []


def test_a_caller_of_few_models_may_be_given_files(gateway: Gateway) -> None:
    assert ask(gateway, "GET", "/v1/files", "lab", headers={"authorization": "Bearer gw-few"}).status_code == 200
    refused = ask(gateway, "GET", "/v1/batches", "lab", headers={"authorization": "Bearer gw-few"})
    assert refused.status_code == 403, "a batch may run any model"


@pytest.mark.parametrize("provider", ["lab", "azure", "mistral"])
def test_a_file_that_is_not_there_is_told_in_the_providers_words(gateway: Gateway, provider: str) -> None:
    answer = ask(gateway, "GET", "/v1/files/missing", provider)
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["message"] == "No such File object: missing" and error["code"] != "model_not_found"


def test_a_hundred_megabytes_pass_both_ways_and_nobody_holds_them(gateway: Gateway, upstream: Upstream) -> None:
    """The processor is told of headers alone, whatever comes behind them."""

    def pieces() -> Iterator[bytes]:
        for _ in range(LARGE // MEGABYTE):
            yield bytes(MEGABYTE)

    before, held = counted(gateway, "stream_msgs_sent"), most_memory(gateway)
    answer = ask(gateway, "POST", "/v1/files", "lab", content=pieces(), headers={"content-type": "multipart/form-data"})
    assert answer.status_code == 200 and answer.json()["bytes"] == LARGE
    answer = ask(gateway, "GET", "/v1/files/large/content", "lab")
    assert len(answer.content) == LARGE
    after = counted(gateway, "stream_msgs_sent")
    assert after["router"] - before["router"] == 2 and after["attempt"] - before["attempt"] == 2
    assert most_memory(gateway) - held < LARGE // 2
    upstream.asked.clear()


def most_memory(gateway: Gateway) -> int:
    """Bytes that Envoy ever held."""
    status = Path(f"/proc/{gateway.envoy_pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/az", "/health", "/v1/ready", "/v1/health/providers"])
def test_what_the_gateway_answers_itself_can_be_asked_for_its_headers(gateway: Gateway, path: str) -> None:
    whole_answer, head = ask(gateway, "GET", path), ask(gateway, "HEAD", path)
    assert (head.status_code, head.content) == (whole_answer.status_code, b"")
    assert head.headers["content-type"] == whole_answer.headers["content-type"] == "application/json"


def test_head_is_of_no_other_endpoint(gateway: Gateway) -> None:
    answer = ask(gateway, "HEAD", "/v1/chat/completions")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert ask(gateway, "DELETE", "/v1/models").headers["allow"] == "GET, HEAD"
