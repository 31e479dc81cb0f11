"""The portable form, live: chosen by a header, translated, credentialed, refused and counted, without a plan."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.dataplane.upstream import Upstream, answering
from tests.foreign.scene import KEY, Foreign, beside, static

pytestmark = pytest.mark.envoy
LAB, BAD, CLAUDE, ONE, TWO, SHOP = (Upstream() for _ in range(6))
ANSWER = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
).encode()
MESSAGE = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "bonjour"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 4},
    }
).encode()
EVENTS = (
    {"type": "message_start", "message": {"id": "m", "role": "assistant", "usage": {"input_tokens": 7}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "bon"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "jour"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
)


def config() -> str:
    return f"""
providers:
  lab: {{dialect: openai, base_url: "http://127.0.0.1:{LAB.port}/v1", credential: "${{LAB_KEY}}", models: [m]}}
  bad: {{dialect: openai, base_url: "http://127.0.0.1:{BAD.port}/v1", credential: {{file: key}}, models: [b, m2]}}
  claude:
    dialect: anthropic
    base_url: http://127.0.0.1:{CLAUDE.port}
    credential: {{file: key}}
    models: [claude-sonnet-4-5]
  pool:
    dialect: openai
    endpoints: ["http://127.0.0.1:{ONE.port}", "http://127.0.0.1:{TWO.port}"]
    models: [p]
services:
  shop: {{endpoints: ["http://127.0.0.1:{SHOP.port}"]}}
aliases:
  chain: [bad/b, lab/m]
routes:
  - {{match: {{path: /open/*}}, service: shop, when_down: pass, rewrite: {{path: /v2/$1}}}}
  - {{match: {{path: /shop/*}}, service: shop}}
  - {{match: {{path: /old}}, redirect: /new}}
  - {{match: {{path: /v1/*}}, shadow: claude/claude-sonnet-4-5}}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Foreign]:
    with answering(LAB, BAD, CLAUDE, ONE, TWO, SHOP), beside(config(), static("portable")) as foreign:
        yield foreign


@pytest.fixture
def foreign(running: Foreign) -> Foreign:
    fresh = Upstream()
    for upstream in (LAB, BAD, CLAUDE, ONE, TWO, SHOP):
        for name in ("status", "headers", "body", "chunks", "pause", "cut", "hang", "first_pause"):
            setattr(upstream, name, getattr(fresh, name))
        upstream.asked.clear()
    LAB.body = ONE.body = TWO.body = ANSWER
    CLAUDE.body = MESSAGE
    return running


def told(answer: httpx.Response) -> tuple[str, str]:
    return answer.headers["x-extproc-target"], answer.headers["x-extproc-attempts"]


def test_a_chat_goes_to_its_provider_with_the_gateways_credential(foreign: Foreign) -> None:
    """And with nothing of the caller's, of ours, or of Envoy's that steers."""
    answer = foreign.chat("m", {"authorization": "Bearer callers-own", "x-extproc-team": "red", "cookie": "a=b"})
    assert (answer.status_code, answer.content) == (200, ANSWER)
    assert told(answer) == ("lab/m", "1")
    ((method, path, headers, _),) = LAB.asked
    assert (method, path, headers["authorization"]) == ("POST", "/v1/chat/completions", f"Bearer {KEY}")
    assert "cookie" not in headers
    assert [name for name in headers if name.startswith(("x-extproc-", "x-envoy-"))] == []
    line = foreign.decision(answer.headers["x-extproc-request-id"])
    assert (line["status"], line["target"]) == (200, "lab/m"), line


def test_a_translated_chat_shows_a_key_from_a_file(foreign: Foreign) -> None:
    answer = foreign.chat("claude-sonnet-4-5")
    assert answer.json()["choices"][0]["message"]["content"] == "bonjour"
    assert answer.json()["usage"]["total_tokens"] == 11
    _, path, headers, body = CLAUDE.asked[0]
    assert (path, headers["x-api-key"], json.loads(body)["max_tokens"] > 0) == (
        "/v1/messages",
        "canary-of-a-file",
        True,
    )


def test_a_translated_stream_is_a_stream(foreign: Foreign) -> None:
    CLAUDE.headers = {"content-type": "text/event-stream"}
    CLAUDE.chunks = tuple(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in EVENTS)
    answer = foreign.chat("claude-sonnet-4-5", stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    said = "".join(one["choices"][0]["delta"].get("content") or "" for one in chunks if one["choices"])
    assert (said, answer.text.rstrip().endswith("data: [DONE]")) == ("bonjour", True)


def test_a_stream_in_the_callers_dialect_passes_as_it_is(foreign: Foreign) -> None:
    LAB.headers = {"content-type": "text/event-stream"}
    LAB.chunks, LAB.pause = (b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n"), 0.1
    answer = foreign.chat("m", stream=True)
    assert (answer.status_code, answer.content) == (200, b"".join(LAB.chunks))


def test_a_target_that_fails_is_the_end_and_who_would_be_next_is_said(foreign: Foreign) -> None:
    BAD.status, BAD.body = 500, b'{"error": {"message": "boom", "type": "server_error"}}'
    answer = foreign.chat("chain", {"x-extproc-explain": "true"})
    assert answer.status_code == 500
    assert told(answer) == ("bad/b", "1")
    assert "walks no plan, else lab/m would be next" in answer.headers["x-extproc-reason"]
    assert answer.headers["x-should-retry"] == "false"
    assert (len(BAD.asked), LAB.asked) == (1, [])
    assert BAD.asked[0][2]["authorization"] == "Bearer canary-of-a-file"


def test_breakers_lead_the_next_requests_past_a_dead_target(foreign: Foreign) -> None:
    BAD.status = 503
    deadline = time.monotonic() + 20
    while (answer := foreign.chat("chain")).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert told(answer) == ("lab/m", "1")


def test_an_upstreams_no_to_our_key_is_none_to_the_callers(foreign: Foreign) -> None:
    LAB.status, LAB.body = 401, b'{"error": {"message": "bad key sk-1", "type": "invalid_request_error"}}'
    answer = foreign.chat("m")
    assert answer.status_code in (500, 502, 503)
    assert b"sk-1" not in answer.content and answer.json()["error"]["code"]


@pytest.mark.parametrize("status", [500, 429])
def test_a_pool_is_tried_at_another_of_its_endpoints(foreign: Foreign, status: int) -> None:
    """Never at the same again, and to the caller it is one target."""
    ONE.status, ONE.body = status, b"{}"
    answers = [foreign.chat("p") for _ in range(6)]
    assert [(one.status_code, told(one)) for one in answers] == [(200, ("pool/p", "1"))] * 6
    assert len(TWO.asked) == 6


def test_refusals_are_said_as_ever(foreign: Foreign) -> None:
    unknown = foreign.chat("nobody-has-this")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    assert foreign.ask("POST", "/v1/nothing").json()["error"]["code"] == "unknown_endpoint"
    nothing = foreign.ask("GET", "/elsewhere")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (404, "route_not_found")


def test_callers_cannot_steer_envoy(foreign: Foreign) -> None:
    """The header that a route goes by is the processor's."""
    cluster = "shop-anything"
    given = {"x-extproc-ctl-cluster": cluster, "x-envoy-max-retries": "7", "x-envoy-upstream-rq-timeout-ms": "1"}
    LAB.hang = 0.2
    answer = foreign.chat("m", given)
    assert (answer.status_code, told(answer)) == (200, ("lab/m", "1"))
    refused = foreign.ask("GET", "/v1/models", given)
    assert refused.status_code == 200 and "x-extproc-ctl-cluster" not in refused.headers


def test_large_bodies_go_both_ways(foreign: Foreign) -> None:
    LAB.body = b'{"choices": [], "padding": "' + b"x" * 3_000_000 + b'"}'
    answer = foreign.chat("m", padding="y" * 3_000_000)
    assert (answer.status_code, answer.content) == (200, LAB.body)
    assert len(LAB.asked[-1][3]) > 3_000_000


def test_services_pass_redirects_lead_on(foreign: Foreign) -> None:
    SHOP.headers, SHOP.body = {"content-type": "text/plain"}, b"wares"
    for path, seen in (("/open/a?q=1", "/v2/a?q=1"), ("/shop/b", "/shop/b")):
        answer = foreign.ask("GET", path, {"x-extproc-team": "red", "x-extproc-ctl-cluster": "lab", "x-mine": "1"})
        assert (answer.status_code, answer.content, SHOP.asked[-1][1]) == (200, b"wares", seen)
        assert SHOP.asked[-1][2]["x-mine"] == "1"
        assert [name for name in SHOP.asked[-1][2] if name.startswith("x-extproc-")] == []
    moved = foreign.ask("GET", "/old")
    assert (moved.status_code, httpx.URL(moved.headers["location"]).path) == (302, "/new")


def test_a_shadow_gets_its_copy(foreign: Foreign) -> None:
    foreign.chat("m")
    deadline = time.monotonic() + 10
    while not CLAUDE.asked and time.monotonic() < deadline:
        time.sleep(0.02)
    assert CLAUDE.asked[0][2]["x-api-key"] == "canary-of-a-file"


def test_usage_is_counted(foreign: Foreign) -> None:
    answer = foreign.chat("m")
    line = foreign.decision(answer.headers["x-extproc-request-id"])
    assert (line["usage"]["input"], line["usage"]["output"]) == (3, 2), line
    translated = foreign.chat("claude-sonnet-4-5")
    line = foreign.decision(translated.headers["x-extproc-request-id"])
    assert (line["usage"]["input"], line["usage"]["output"]) == (7, 4), line


def test_a_stream_that_has_begun_outlives_its_processor(foreign: Foreign) -> None:
    """The processor has left it with the answer's headers. The last test: nobody is there behind it."""
    LAB.headers = {"content-type": "text/event-stream"}
    LAB.chunks, LAB.pause = tuple(b"data: %d\n\n" % number for number in range(10)), 0.1
    asked = {"model": "m", "messages": [], "stream": True}
    with httpx.stream("POST", f"{foreign.url}/v1/chat/completions", json=asked, timeout=20, trust_env=False) as answer:
        pieces = answer.iter_bytes()
        got = b""
        while got.count(b"data") < 4:  # the processor has said its last word to Envoy long before
            got += next(pieces)
        foreign.processor.kill()
        foreign.processor.wait(10)
        got += b"".join(pieces)
    assert got == b"".join(LAB.chunks)
