"""Requests to, and answers of, providers that speak the caller's own dialect."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.endpoints import BY_NAME
from extproc.money import Usage
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Provider
from extproc.translation.openai_openai import OpenAIToOpenAI
from extproc.translation.pair import Answer, Call, Destination, TranslatedRequest
from extproc.translation.registry import pair_for
from tests.translation.providers import (
    AZURE,
    AZURE_V1,
    AZURE_V1_URL,
    EVERY,
    LAB,
    MISTRAL,
    OLLAMA,
    OPENAI,
    OPENROUTER,
    POOL,
)

PAIR = OpenAIToOpenAI()
GPT = Destination(OPENAI, "gpt-4o")
BODY = b'{ "model" : "gpt-4o", "messages":[{"role":"user","content":"hi"}], "unknown": {"a": 1} }'
CALL = Call("chat", "POST", "/v1/chat/completions", "", "application/json", BODY, False, "gpt-4o", (), False)


def call(**changes: object) -> Call:
    return dataclasses.replace(CALL, **changes)  # type: ignore[arg-type]


def translated(asked: Call, provider: Provider, upstream: str) -> TranslatedRequest:
    result = PAIR.request(asked, Destination(provider, upstream))
    assert isinstance(result, TranslatedRequest)
    return result


@pytest.mark.parametrize(
    ("provider", "chat", "embeddings"),
    [
        (OPENAI, "/v1/chat/completions", "/v1/embeddings"),
        (OPENROUTER, "/api/v1/chat/completions", "/api/v1/embeddings"),
        (
            AZURE,
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            "/openai/deployments/gpt-4o/embeddings?api-version=2024-10-21",
        ),
        (AZURE_V1, "/openai/v1/chat/completions", "/openai/v1/embeddings"),
        (AZURE_V1_URL, "/openai/v1/chat/completions", "/openai/v1/embeddings"),
        (LAB, "/llm/v2/chat/completions", "/llm/v2/embeddings"),
        (POOL, "/v1/chat/completions", "/v1/embeddings"),
    ],
)
def test_each_kind_of_provider_gets_its_own_path_and_the_body_untouched(
    provider: Provider, chat: str, embeddings: str
) -> None:
    """The caller's versioned and unversioned paths are one."""
    for path in ("/v1/chat/completions", "/chat/completions"):
        assert translated(call(path=path), provider, "gpt-4o") == TranslatedRequest("POST", chat, (), None)
    asked = call(endpoint="embeddings", path="/embeddings")
    assert translated(asked, provider, "gpt-4o") == TranslatedRequest("POST", embeddings, (), None)


@pytest.mark.parametrize(
    ("provider", "query", "expected"),
    [
        (OPENAI, "a=1&b=%20", "/v1/chat/completions?a=1&b=%20"),
        (OPENAI, "api-version=x", "/v1/chat/completions?api-version=x"),
        (AZURE, "api-version=old&a=1", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21&a=1"),
        (AZURE, "api%2Dversion=old", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"),
        (AZURE_V1, "api-version=old&a=1", "/openai/v1/chat/completions?a=1"),
    ],
)
def test_the_query_is_kept_but_for_azures_version(provider: Provider, query: str, expected: str) -> None:
    """Whose version is the provider's, in whatever spelling the caller sent another."""
    assert translated(call(query=query), provider, "gpt-4o").path == expected


def test_an_azure_deployment_is_one_quoted_segment_and_stands_in_the_body() -> None:
    request = translated(CALL, AZURE, "my deployment%é")
    assert request.path == "/openai/deployments/my%20deployment%25%C3%A9/chat/completions?api-version=2024-10-21"
    assert request.body is not None and json.loads(request.body)["model"] == "my deployment%é"


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "a/b", "a\\b", "a\nb", "x..y"])
def test_a_name_that_is_no_segment_is_refused(name: str) -> None:
    """Dots, slashes, control characters."""
    refusal = PAIR.request(call(body_model=name), Destination(AZURE, name))
    assert isinstance(refusal, Refusal) and refusal.reason is Reason.INVALID_REQUEST


@pytest.mark.parametrize("path", ["/v1/audio/../admin", "/v1/audio/%2e%2e/admin", "/v1/audio/./x"])
def test_a_path_that_climbs_is_refused(path: str) -> None:
    """Plain and escaped."""
    refusal = PAIR.request(call(endpoint="audio", path=path, body=None), Destination(OPENAI, "m"))
    assert isinstance(refusal, Refusal) and refusal.reason is Reason.UNKNOWN_ENDPOINT


def test_azures_dated_responses_have_no_deployment_in_the_path() -> None:
    request = translated(call(endpoint="responses", path="/v1/responses"), AZURE, "dep")
    assert request.path == "/openai/responses?api-version=2024-10-21"
    assert request.body is not None and json.loads(request.body)["model"] == "dep"


@pytest.mark.parametrize(
    ("endpoint", "path", "query", "at"),
    [
        ("files", "/v1/files", "limit=1", (OPENAI, "/v1/files?limit=1")),
        ("file", "/files/f/content", "", (OPENAI, "/v1/files/f/content")),
        ("files", "/v1/files", "api-version=old", (AZURE, "/openai/files?api-version=2024-10-21")),
        ("batch_cancel", "/v1/batches/b/cancel", "", (AZURE, "/openai/batches/b/cancel?api-version=2024-10-21")),
        ("upload", "/uploads/u/parts", "", (AZURE_V1, "/openai/v1/uploads/u/parts")),
        ("realtime", "/v1/realtime", "provider=x&model=voice&a=1", (OPENAI, "/v1/realtime?model=rt&a=1")),
        ("realtime", "/realtime", "model=rt", (AZURE, "/openai/realtime?api-version=2024-10-21&deployment=rt")),
        ("realtime", "/realtime", "model=rt", (AZURE_V1, "/openai/v1/realtime?model=rt")),
    ],
)
def test_what_is_at_a_provider_keeps_its_path(endpoint: str, path: str, query: str, at: tuple[Provider, str]) -> None:
    """Azure's dated form has no deployment in these paths; of a WebSocket it stands in the query."""
    provider, expected = at
    model = "rt" if endpoint == "realtime" else BY_NAME[endpoint].family
    asked = call(endpoint=endpoint, path=path, query=query, body=None, body_model=None)
    assert translated(asked, provider, model).path == expected


def test_a_websocket_without_a_model_gets_none_put_in() -> None:
    asked = call(endpoint="realtime", path="/v1/realtime", query="provider=x&call_id=7", body=None, body_model=None)
    assert translated(asked, OPENAI, "realtime").path == "/v1/realtime?call_id=7"


def test_what_creates_a_batch_loses_our_fields_and_nothing_else() -> None:
    body = b'{"input_file_id": "f",  "team": "t", "model": "theirs"}'
    asked = call(endpoint="batch_create", path="/v1/batches", body=body, body_model="theirs", own_fields=("team",))
    assert translated(asked, OPENAI, "batches").body == b'{"input_file_id": "f",  "model": "theirs"}'
    assert not PAIR.needs_body(call(endpoint="batch_create", path="/v1/batches"), Destination(OPENAI, "batches"))


@pytest.mark.parametrize(
    ("body", "changes", "upstream", "expected"),
    [
        (b'{ "model" : "a", "x": 1}', {"body_model": "a"}, "b", b'{ "model" : "b", "x": 1}'),
        (b'{"x": 1}', {"body_model": None}, "b", b'{"x": 1,"model":"b"}'),
        (b'{"model":"b","x":1,"model":"a"}', {"body_model": None}, "a", b'{"x":1,"model":"a"}'),
        (b'{"team": "t", "model": "a"}', {"body_model": "a", "own_fields": ("team",)}, "a", b'{"model": "a"}'),
        (
            b'{"model":"a","stream":true}',
            {"body_model": "a", "stream": True, "ask_usage": True},
            "a",
            b'{"model":"a","stream":true,"stream_options":{"include_usage":true}}',
        ),
        (
            b'{"model":"a","stream_options": {"include_usage": false, "x":1},"stream":true}',
            {"body_model": "a", "stream": True, "ask_usage": True},
            "a",
            b'{"model":"a","stream_options": {"include_usage": true, "x":1},"stream":true}',
        ),
        (
            b'{"model":"a","stream_options":null,"stream":true}',
            {"body_model": "a", "stream": True, "ask_usage": True},
            "a",
            b'{"model":"a","stream_options":{"include_usage":true},"stream":true}',
        ),
    ],
)
def test_bodies_change_only_where_they_must(
    body: bytes, changes: dict[str, object], upstream: str, expected: bytes
) -> None:
    """Model replaced, added, made one; own fields removed; usage asked for."""
    assert translated(call(body=body, **changes), OPENAI, upstream).body == expected


@pytest.mark.parametrize("provider", [MISTRAL, OLLAMA])
def test_what_is_not_chat_goes_to_the_openai_shaped_endpoints_of_others(provider: Provider) -> None:
    """Chat has pairs of its own, which say it in those APIs' words."""
    asked = call(endpoint="embeddings", path="/embeddings")
    assert translated(asked, provider, "gpt-4o") == TranslatedRequest("POST", "/v1/embeddings", (), None)
    assert pair_for("openai", provider.dialect, "m", "chat") is not pair_for(
        "openai", provider.dialect, "m", "embeddings"
    )


def test_mistral_is_not_asked_for_usage_because_it_tells_and_refuses_the_question() -> None:
    asked = call(endpoint="completions", path="/v1/completions", stream=True, ask_usage=True)
    assert translated(asked, MISTRAL, "gpt-4o").body is None
    assert translated(asked, OLLAMA, "gpt-4o").body is not None


@pytest.mark.parametrize(
    "asked",
    [
        call(endpoint="audio", path="/v1/audio/transcriptions", body=None, body_model=None),
        call(endpoint="chat", method="GET", body=None, body_model=None),
        call(endpoint="unknown", path="/v1/files", method="DELETE", body=None, body_model=None),
    ],
)
def test_uploads_and_other_methods_pass(asked: Call) -> None:
    """Nothing in them is ours to change."""
    request = translated(asked, OPENAI, "other")
    assert (request.method, request.path, request.body) == (asked.method, asked.path, None)


def test_a_body_that_has_to_change_and_was_not_read_is_refused() -> None:
    refusal = PAIR.request(call(body=None), Destination(OPENAI, "other"))
    assert isinstance(refusal, Refusal) and refusal.reason is Reason.INTERNAL_ERROR


def test_a_body_that_is_no_object_is_refused() -> None:
    refusal = PAIR.request(call(body=b"[secret"), Destination(OPENAI, "other"))
    assert isinstance(refusal, Refusal) and refusal.reason is Reason.INVALID_JSON and "secret" not in refusal.message


@given(
    st.sampled_from(EVERY),
    st.sampled_from(["chat", "completions", "embeddings", "responses", "audio", "models"]),
    st.sampled_from(["POST", "GET"]),
    st.sampled_from(["gpt-4o", None, "other"]),
    st.sampled_from([(), ("team",), ("provider", "team")]),
    st.booleans(),
    st.booleans(),
)
def test_a_body_changes_exactly_where_it_was_asked_for(
    provider: Provider,
    endpoint: str,
    method: str,
    body_model: str | None,
    own_fields: tuple[str, ...],
    stream: bool,
    ask_usage: bool,
) -> None:
    fields = dict.fromkeys(own_fields, "x") | ({"model": body_model} if body_model else {})
    asked = call(
        endpoint=endpoint,
        method=method,
        body=json.dumps(fields).encode(),
        body_model=body_model,
        own_fields=own_fields,
        stream=stream,
        ask_usage=ask_usage,
    )
    needed = PAIR.needs_body(asked, Destination(provider, "gpt-4o"))
    request = translated(asked, provider, "gpt-4o")
    assert (request.body is not None) is needed
    if request.body is not None:
        sent = json.loads(request.body)
        assert sent["model"] == "gpt-4o"
        assert not sent.keys() & set(own_fields)


CHUNK = b'data: {"choices":[{"delta":{"content":"hi"}}],"usage":null}\n\n'
USAGE = b'data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
LAST = b'data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
AZURE_FIRST = b'data: {"choices":[],"prompt_filter_results":[],"usage":null}\n\n'
DONE = b"data: [DONE]\n\n"


@given(st.lists(st.integers(0, 400)), st.booleans(), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_the_usage_chunk_is_hidden_from_who_did_not_ask_at_every_split(cuts: list[int], ask: bool, end: bytes) -> None:
    came = (AZURE_FIRST + b": note\n\n" + CHUNK + LAST + USAGE + DONE + b"data: unfinished").replace(b"\n", end)
    hidden = came.replace(USAGE.replace(b"\n", end), b"")
    stream = PAIR.stream(call(stream=True, ask_usage=ask), GPT)
    out, position = b"", 0
    for cut in sorted(cut for cut in cuts if cut <= len(came)):
        out += stream.feed(came[position:cut])
        position = cut
    out += stream.feed(came[position:]) + stream.finish()
    assert out == (hidden if ask else came)
    assert stream.usage == Usage(3, 2)


def test_a_chunk_passes_the_moment_it_is_whole() -> None:
    stream = PAIR.stream(call(stream=True, ask_usage=True), GPT)
    assert stream.feed(CHUNK + CHUNK[:10]) == CHUNK


@given(st.binary(max_size=200), st.integers(0, 200))
def test_garbage_passes_as_it_came(data: bytes, cut: int) -> None:
    stream = PAIR.stream(call(stream=True, ask_usage=True), GPT)
    assert stream.feed(data[:cut]) + stream.feed(data[cut:]) + stream.finish() == data


def test_an_answer_passes_and_its_usage_is_read() -> None:
    body = b'{"id":"x", "usage":{"prompt_tokens":3,"completion_tokens":2}}'
    answer = Answer(200, (("content-type", "application/json"),), body)
    assert PAIR.answer(CALL, GPT, answer) == dataclasses.replace(answer, usage=Usage(3, 2))
    error = Answer(429, (("retry-after", "7"),), b'{"error":{"message":"slow down"}}')
    assert PAIR.answer(CALL, GPT, error) == error


def test_the_pair_serves_every_provider_of_the_shape_and_no_other() -> None:
    assert all(isinstance(pair_for("openai", each.dialect, "m", "embeddings"), OpenAIToOpenAI) for each in EVERY)
    assert (
        pair_for("openai", "anthropic", "m", "embeddings") is None
        and pair_for("anthropic", "openai", "m", "chat") is None
    )


# --- what OpenAI's own newer models refuse ---------------------------------------------------------------------------

CAPPED = b'{"model":"o3","messages":[],"max_tokens":5,"temperature":0.2,"seed":1}'


def thinking(body: bytes, *features: str) -> Call:
    return call(body=body, body_model="o3", features=frozenset(features))


def test_a_cap_gets_the_name_of_today_and_what_a_thinking_model_refuses_goes_and_is_named() -> None:
    asked = thinking(CAPPED, "max_tokens", "max_completion_tokens", "temperature", "seed")
    sent = translated(asked, OPENAI, "o3")
    assert json.loads(sent.body or b"") == {"model": "o3", "messages": [], "seed": 1, "max_completion_tokens": 5}
    assert sent.losses == ("temperature",)


def test_a_cap_that_stands_under_both_names_keeps_the_new_one() -> None:
    asked = thinking(b'{"model":"o3","max_tokens":5,"max_completion_tokens":9}', "max_tokens", "max_completion_tokens")
    assert json.loads(translated(asked, OPENAI, "o3").body or b"") == {"model": "o3", "max_completion_tokens": 9}


@pytest.mark.parametrize(("provider", "model"), [(OPENAI, "gpt-4o"), (OPENROUTER, "o3"), (LAB, "llama-3")])
def test_elsewhere_it_passes_byte_for_byte(provider: Provider, model: str) -> None:
    asked = call(body=CAPPED, body_model=model, features=frozenset({"max_tokens", "temperature"}))
    assert not PAIR.needs_body(asked, Destination(provider, model))
    assert translated(asked, provider, model).body is None
