"""The pure half: what a provider does with a request, without a socket or a clock."""

import base64
import io
import json
import struct
import wave
import zlib
from typing import Any

import pytest

from extproc.demo.catalog import FLAKY, PROVIDERS, SCHOLAR, SWIFT, THRIFTY, Model, Provider, Speed
from extproc.demo.desk import answered
from extproc.demo.reply import Offence, Plain, Reply, Streamed
from extproc.demo.request import Request

LAB = Provider("lab", models=(Model("small", context=50),), any_model=True)
USER = [{"role": "user", "content": "A secret sentence of the prompt"}]
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def ask(path: str, body: dict[str, Any], provider: Provider = LAB, number: int = 1) -> Reply:
    request = Request("POST", path, json.dumps(body).encode(), f"Bearer {provider.key}")
    return answered(provider, request, number, now=1_700_000_000)


def plain(path: str, body: dict[str, Any], provider: Provider = LAB, number: int = 1) -> dict[str, Any]:
    reply = ask(path, body, provider, number)
    assert isinstance(reply, Plain)
    found: dict[str, Any] = json.loads(reply.body)
    return {**found, "status": reply.status}


def events(path: str, body: dict[str, Any], provider: Provider = LAB) -> list[dict[str, Any]]:
    reply = ask(path, {**body, "stream": True}, provider)
    assert isinstance(reply, Streamed)
    lines = b"".join(step.data for step in reply.steps).decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ") and line != "data: [DONE]"]


def chat(**more: Any) -> dict[str, Any]:
    return plain("/v1/chat/completions", {"model": "any", "messages": USER, **more})


def test_says_who_answered_and_what_arrived_but_not_the_prompt() -> None:
    text = chat(messages=[{"role": "system", "content": "s"}, *USER])["choices"][0]["message"]["content"]
    assert "from lab, answering as any" in text
    assert "2 messages" in text
    assert "secret" not in text


@pytest.mark.parametrize("more", [{}, {"n": 3}, {"max_tokens": 4}, {"stop": ["answering"]}, {"tools": [TOOL]}])
def test_a_stream_says_the_same_as_the_whole(more: dict[str, Any]) -> None:
    whole = chat(**more)
    body = {"model": "any", "messages": USER, "stream_options": {"include_usage": True}, **more}
    chunks = events("/v1/chat/completions", body)
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"] == whole["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    for choice in whole["choices"]:
        mine = [each for chunk in chunks for each in chunk["choices"] if each["index"] == choice["index"]]
        text = "".join(each["delta"].get("content") or "" for each in mine)
        arguments = [call["function"] for each in mine for call in each["delta"].get("tool_calls", ())]
        assert text == (choice["message"]["content"] or "")
        assert mine[-1]["finish_reason"] == choice["finish_reason"]
        if choice["finish_reason"] == "tool_calls":
            called = choice["message"]["tool_calls"][0]["function"]
            assert "".join(each["arguments"] for each in arguments) == called["arguments"]


def test_without_include_usage_no_chunk_speaks_of_usage() -> None:
    assert all("usage" not in chunk for chunk in events("/v1/chat/completions", {"model": "m", "messages": USER}))


def test_limits_and_stops() -> None:
    short = chat(max_completion_tokens=3)
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] == 3
    stopped = chat(stop="answering")
    assert stopped["choices"][0]["message"]["content"] == "Hello from lab, "
    assert len(chat(n=2)["choices"]) == 2


def test_a_tool_is_called_for_the_user_and_its_result_is_answered_with_text() -> None:
    called = chat(tools=[TOOL])["choices"][0]
    assert called["finish_reason"] == "tool_calls"
    assert json.loads(called["message"]["tool_calls"][0]["function"]["arguments"]) == {"city": "lab"}
    result = [*USER, called["message"], {"role": "tool", "tool_call_id": "x", "content": "sunny"}]
    assert chat(tools=[TOOL], messages=result)["choices"][0]["finish_reason"] == "stop"
    assert chat(tools=[TOOL], tool_choice="none")["choices"][0]["finish_reason"] == "stop"
    named = {"type": "function", "function": {"name": "weather"}}
    other = {"type": "function", "function": {"name": "other"}}
    again = chat(tools=[other, TOOL], tool_choice=named)["choices"][0]["message"]
    assert again["tool_calls"][0]["function"]["name"] == "weather"


def test_json_answers() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 5}, "ok": {"type": "boolean"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert json.loads(chat(response_format=form)["choices"][0]["message"]["content"]) == {"n": 5, "ok": True}
    loose = json.loads(chat(response_format={"type": "json_object"})["choices"][0]["message"]["content"])
    assert loose["provider"] == "lab"


def test_responses_events_end_in_the_object_of_the_whole() -> None:
    for more in ({}, {"tools": [{"type": "function", "name": "f", "parameters": {}}]}, {"max_output_tokens": 2}):
        body = {"model": "m", "input": "hi", **more}
        whole = plain("/v1/responses", body)
        del whole["status"]
        told = events("/v1/responses", body)
        assert [event["sequence_number"] for event in told] == list(range(len(told)))
        assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
        last = told[-1]["response"]
        assert told[-1]["type"] == f"response.{last.pop('status')}"
        assert last == whole


def test_completions_answer_each_prompt() -> None:
    whole = plain("/v1/completions", {"model": "m", "prompt": ["a", "b"], "n": 2})
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2, 3]
    streamed = events("/v1/completions", {"model": "m", "prompt": ["a", "b"], "n": 2})
    text = "".join(chunk["choices"][0]["text"] for chunk in streamed)
    assert text == "".join(choice["text"] for choice in whole["choices"])


def test_embeddings_are_the_same_unit_vectors_in_both_forms() -> None:
    body = {"model": "m", "input": ["one", "two", "one"], "dimensions": 8}
    floats = [each["embedding"] for each in plain("/v1/embeddings", body)["data"]]
    packed = plain("/v1/embeddings", {**body, "encoding_format": "base64"})["data"]
    assert [list(struct.unpack("<8f", base64.b64decode(each["embedding"]))) for each in packed] == floats
    assert floats[0] == floats[2] != floats[1]
    assert sum(each * each for each in floats[0]) == pytest.approx(1)
    assert plain("/v1/embeddings", {"model": "m", "input": [[1, 2, 3]]})["usage"]["prompt_tokens"] == 3


def test_moderations_images_and_audio() -> None:
    judged = plain("/v1/moderations", {"input": ["I will kill you", "hello"], "model": "m"})
    assert [each["flagged"] for each in judged["results"]] == [True, False]
    picture = base64.b64decode(plain("/v1/images/generations", {"prompt": "a cat"}, SCHOLAR)["data"][0]["b64_json"])
    assert picture.startswith(b"\x89PNG")
    start = picture.index(b"IDAT")
    length = struct.unpack(">I", picture[start - 4 : start])[0]
    assert len(zlib.decompress(picture[start + 4 : start + 4 + length])) == 16 * (1 + 16 * 3)
    spoken = ask("/v1/audio/speech", {"model": "m", "input": "hello", "voice": "alloy"})
    assert isinstance(spoken, Plain)
    with wave.open(io.BytesIO(spoken.body)) as reader:
        assert reader.getnframes() == 2000


def test_refuses_like_a_real_provider() -> None:
    def code(body: dict[str, Any], path: str = "/v1/chat/completions", provider: Provider = LAB) -> tuple[int, Any]:
        found = plain(path, body, provider)
        return found["status"], found["error"]["code"]

    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    assert code({"model": "small", "messages": [{"role": "user", "content": "x" * 400}]}) == (
        400,
        "context_length_exceeded",
    )
    assert code({"model": "demo-chat", "messages": [{"role": "user", "content": picture}]}, provider=SWIFT)[0] == 400
    assert code({"model": "nope", "messages": USER}, provider=SWIFT) == (404, "model_not_found")
    assert code({"model": "demo-embed", "messages": USER}, provider=THRIFTY) == (404, "model_not_found")
    assert code({"messages": USER})[0] == 400
    assert code({"model": "m", "messages": []})[0] == 400
    assert code({"model": "m", "messages": "text"})[0] == 400
    assert code({"model": "m", "messages": USER, "n": 0})[0] == 400
    assert code({"model": "m"}, "/v1/nothing")[0] == 404


def test_the_key_must_fit_and_is_not_repeated() -> None:
    for authorization in ("", "Bearer wrong-key", "Basic demo-lab", "Bearer "):
        reply = answered(LAB, Request("POST", "/v1/chat/completions", b"{}", authorization), 1, 0)
        assert isinstance(reply, Plain) and reply.status == 401
        assert b"wrong-key" not in reply.body
    healthy = answered(LAB, Request("GET", "/healthz"), 1, 0)
    assert isinstance(healthy, Plain) and healthy.status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null", b"--x\r\n"])
def test_every_body_gets_a_reply(body: bytes) -> None:
    for path in ("chat/completions", "completions", "responses", "embeddings", "audio/transcriptions"):
        kind = "multipart/form-data; boundary=x" if "audio" in path else "application/json"
        reply = answered(LAB, Request("POST", f"/v1/{path}", body, "Bearer demo-lab", kind), 1, 0)
        assert isinstance(reply, Plain) and reply.status == 400


def test_the_flaky_one_fails_by_count_in_three_ways() -> None:
    def outcome(number: int) -> object:
        reply = ask("/v1/chat/completions", {"model": "demo-chat", "messages": USER}, FLAKY, number)
        return reply.status if isinstance(reply, Plain) else reply

    assert [outcome(number) for number in range(1, 10)] == [500, 200, 200, 429, 200, 200, Offence.RESET, 200, 200]


def test_time_follows_the_speed() -> None:
    slow = Provider("slow", speed=Speed(first_token_seconds=1.0, tokens_per_second=10), any_model=True)
    body = {"model": "m", "messages": USER, "max_tokens": 5}
    whole = ask("/v1/chat/completions", body, slow)
    stream = ask("/v1/chat/completions", {**body, "stream": True}, slow)
    assert isinstance(whole, Plain) and whole.delay == 1.5
    assert isinstance(stream, Streamed) and stream.delay == 1.0
    assert sum(step.delay for step in stream.steps) == pytest.approx(0.5)


def test_the_cast_shares_models_so_that_failover_can_be_seen() -> None:
    serving = {
        name: [provider.name for provider in PROVIDERS if provider.model(name)]
        for name in ("demo-chat", "demo-large", "demo-embed")
    }
    assert serving == {
        "demo-chat": ["swift", "thrifty", "flaky", "scholar", "sage"],
        "demo-large": ["swift", "scholar"],
        "demo-embed": ["thrifty"],
    }
    listed = answered(SWIFT, Request("GET", "/v1/models", authorization="Bearer demo-swift"), 0, 0)
    assert isinstance(listed, Plain) and b"demo-large" in listed.body
