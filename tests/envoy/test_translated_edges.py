"""Translated answers at their edges: cut, unended, compressed, refused; asked for by a prompt; lost and rejected.

Law: one scripted upstream that speaks Anthropic's Messages and does what the name of the model says.
"""

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.gateway import Gateway, running
from tests.envoy.upstream import LAST_CHUNK, SSE_HEAD, Asked, Upstream, chunk, reset, scripted, whole

CHAT = "/v1/chat/completions"
MESSAGE = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-3-5-haiku-20241022",
        "content": [{"type": "text", "text": "Grüß Gott — hello!"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 500},
    },
    ensure_ascii=False,
).encode()
EVENTS = [
    {"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 7, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grüß "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Gott"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]  # fmt: skip
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def events(told: list[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one, ensure_ascii=False)}\n\n".encode() for one in told)


def refusal(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


WHOLE = {
    "good": whole(MESSAGE),
    "gzip": whole(gzip.compress(MESSAGE), 200, "application/json", ("content-encoding", "gzip")),
    "deflate": whole(zlib.compress(MESSAGE), 200, "application/json", ("content-encoding", "deflate")),
    "chunked": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    + b"".join(chunk(MESSAGE[at : at + 9]) for at in range(0, len(MESSAGE), 9))
    + LAST_CHUNK,
    "html": whole(b"<html>welcome to the proxy</html>", 200, "text/html"),
    "empty": whole(b""),
    "key": whole(refusal("authentication_error", "invalid x-api-key sk-real"), 401),
    "busy": whole(refusal("overloaded_error", "Overloaded"), 529, "application/json", ("retry-after", "7")),
    "long": whole(refusal("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), 400),
    "wrong": whole(refusal("invalid_request_error", "messages: something"), 400),
}


async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
    name = json.loads(asked.body)["model"]
    if name in WHOLE and not json.loads(asked.body).get("stream"):
        writer.write(WHOLE[name])
    elif name == "good":
        stream = events(EVENTS)
        writer.write(SSE_HEAD + b"".join(chunk(stream[at : at + 7]) for at in range(0, len(stream), 7)) + LAST_CHUNK)
    elif name == "whole-anyway":
        writer.write(whole(MESSAGE))
    elif name == "unended":
        writer.write(SSE_HEAD + chunk(events(EVENTS[:5])) + LAST_CHUNK)
    elif name == "failing":
        writer.write(SSE_HEAD + chunk(events([*EVENTS[:4], OVERLOADED])) + LAST_CHUNK)
    elif name == "cut":
        writer.write(SSE_HEAD + chunk(events(EVENTS[:5])))
        await writer.drain()
        await asyncio.sleep(0.2)
        reset(writer)
        return
    await writer.drain()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(play) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    models = [*WHOLE, "whole-anyway", "unended", "failing", "cut"]
    config = {
        "providers": {
            "claude": {
                "dialect": "anthropic",
                "base_url": upstream.origin,
                "credential": "k",
                "models": [{"name": name, "price": {"input": 1, "output": 2}} for name in models],
                "circuit_breaker": {"failure_threshold": 10_000},
            },
        },
        "routes": [
            {"match": {"path": "/v1/*", "headers": {"x-strict": "*"}}, "on_loss": "reject"},
            {"match": {"path": "/*"}},
        ],
        "aliases": {"long-then-good": ["claude/long", "claude/good"]},
    }
    with running(config) as gateway:
        yield gateway


def ask(gateway: Gateway, model: str, path: str = CHAT, headers: Any = None, **more: Any) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    return httpx.post(gateway.url + path, json=body, headers=headers, trust_env=False, timeout=20)


def told(answer: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


# --- good answers, however they come ---------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["good", "gzip", "deflate", "chunked"])
def test_a_whole_answer_is_translated_and_costs_what_it_costs(gateway: Gateway, model: str) -> None:
    answer = ask(gateway, model)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "Grüß Gott — hello!"
    assert answer.headers["content-type"] == "application/json"
    assert "content-encoding" not in answer.headers
    assert (answer.headers[names.TARGET], answer.headers[names.COST]) == (f"claude/{model}", "0.002")
    assert gateway.decision(answer.headers[names.REQUEST_ID])["cost"] == "0.002"


def test_a_provider_is_asked_for_no_encoding(gateway: Gateway, upstream: Upstream) -> None:
    ask(gateway, "good", headers={"accept-encoding": "gzip, br"})
    assert upstream.asked[-1].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("path", [CHAT, "/chat/completions"])
def test_a_stream_is_translated_wherever_it_is_cut_into_pieces(gateway: Gateway, path: str) -> None:
    answer = ask(gateway, "good", path, stream=True, stream_options={"include_usage": True})
    *chunks, usage, done = told(answer)
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in chunks) == "Grüß Gott"
    assert (usage["usage"]["prompt_tokens"], usage["usage"]["completion_tokens"], done) == (7, 5, "[DONE]")
    assert answer.headers["content-type"] == "text/event-stream"
    assert "\n\n: " in answer.text, "signs of life pass"
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    assert (line["usage"]["input"], line["usage"]["output"]) == (7, 5)


def test_who_asked_for_a_stream_gets_one_though_the_provider_answers_whole(gateway: Gateway) -> None:
    *chunks, done = told(ask(gateway, "whole-anyway", stream=True))
    assert done == "[DONE]"
    assert chunks[0]["choices"][0]["delta"]["content"] == "Grüß Gott — hello!"


@pytest.mark.parametrize("path", ["/chat", "/v1/chat"])
def test_a_bare_prompt_is_a_chat(gateway: Gateway, upstream: Upstream, path: str) -> None:
    body = {"model": "good", "prompt": "Explain Kubernetes", "team": "blue"}
    answer = httpx.post(gateway.url + path, json=body, trust_env=False, timeout=20)
    assert answer.json()["choices"][0]["message"]["content"] == "Grüß Gott — hello!"
    sent = json.loads(upstream.asked[-1].body)
    assert upstream.asked[-1].path == "/v1/messages"
    assert sent["messages"][0]["role"] == "user" and "Explain Kubernetes" in json.dumps(sent["messages"])
    assert "prompt" not in sent and "team" not in sent


# --- answers that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("html", 502, "upstream_garbled"),
        ("empty", 502, "upstream_garbled"),
        ("key", 502, "upstream_auth"),
        ("busy", 503, "upstream_overloaded"),
        ("long", 400, "context_length_exceeded"),
        ("wrong", 400, None),
    ],
)
def test_an_error_is_said_in_the_callers_dialect(gateway: Gateway, model: str, status: int, code: str | None) -> None:
    answer = ask(gateway, model)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], isinstance(error["message"], str)) == (code, True)
    assert "sk-real" not in answer.text
    assert answer.headers[names.TARGET] == f"claude/{model}"
    if model == "busy":
        assert answer.headers["retry-after"] == "7"
    if status >= 500:
        assert answer.headers[names.SHOULD_RETRY] == "false"


@pytest.mark.parametrize(("model", "code"), [("unended", "upstream_garbled"), ("failing", "upstream_overloaded")])
def test_a_stream_that_fails_behind_its_beginning_ends_with_an_error_event(
    gateway: Gateway, model: str, code: str
) -> None:
    answer = ask(gateway, model, stream=True)
    assert answer.status_code == 200
    *chunks, last = told(answer)
    assert chunks[1]["choices"][0]["delta"]["content"] == "Grüß "
    assert last["error"]["code"] == code
    assert "[DONE]" not in answer.text
    assert gateway.decision(answer.headers[names.REQUEST_ID])["failed"].startswith("upstream_")


def test_a_stream_that_is_cut_stays_a_broken_transfer(gateway: Gateway) -> None:
    seen = b""
    body = {"model": "cut", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("POST", gateway.url + CHAT, json=body, trust_env=False, timeout=20) as answer,
    ):
        for piece in answer.iter_raw():
            seen += piece
    assert "Gott" in seen.decode()
    assert b"[DONE]" not in seen


# --- what gets lost --------------------------------------------------------------------------------------------------


def test_what_gets_lost_is_named(gateway: Gateway) -> None:
    answer = ask(gateway, "good", n=2, logprobs=True)
    assert answer.status_code == 200
    assert answer.headers[names.LOSSES] == "logprobs, n"
    assert len(answer.json()["choices"]) == 1


def test_where_the_route_rejects_it_is_a_400_and_nothing_is_sent(gateway: Gateway, upstream: Upstream) -> None:
    before = len(upstream.asked)
    answer = ask(gateway, "good", n=2, headers={"x-strict": "1"})
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("unsupported_parameter", "n")
    assert len(upstream.asked) == before
    assert ask(gateway, "good", headers={"x-strict": "1"}).status_code == 200


def test_content_that_it_cannot_take_is_a_400(gateway: Gateway) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    answer = ask(gateway, "good", messages=[{"role": "user", "content": [sound]}])
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported_parameter"
