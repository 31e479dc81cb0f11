"""What is read of a request's body, and what is refused."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import names
from extproc.dialects.json_edit import NotAnObject
from extproc.dialects.openai.chat_reading import read_chat
from extproc.dialects.openai.prompt import without_media
from extproc.dialects.openai.request import RequestBody, WrongField, read_request


def read(endpoint: str = "chat", **fields: Any) -> RequestBody:
    return read_request(endpoint, json.dumps(fields).encode())


def test_a_plain_chat_request_is_read() -> None:
    body = read(model="gpt-4o", stream=True, stream_options={"include_usage": True}, max_tokens=5, n=2, messages=[])
    assert (body.model, body.model_once, body.stream, body.usage_asked) == ("gpt-4o", True, True, True)
    assert (body.max_output_tokens, body.n, body.own_fields, body.needs) == (5, 2, (), frozenset())


@pytest.mark.parametrize(
    ("endpoint", "fields", "needs"),
    [
        ("chat", {"tools": [{"type": "function"}]}, {"tools"}),
        ("chat", {"tools": []}, set()),
        ("chat", {"tools": None}, set()),
        ("chat", {"functions": [{"name": "f"}]}, {"tools"}),
        ("chat", {"response_format": {"type": "json_schema", "json_schema": {}}}, {"json_schema"}),
        ("chat", {"response_format": {"type": "json_object"}}, {"json_object"}),
        ("chat", {"response_format": {"type": "text"}}, set()),
        ("images", {"response_format": "b64_json"}, set()),
        ("responses", {"text": {"format": {"type": "json_schema"}}}, {"json_schema"}),
        ("chat", {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, {"vision"}),
        ("responses", {"input": [{"content": [{"type": "input_image", "image_url": "x"}]}]}, {"vision"}),
        ("chat", {"messages": [{"content": [{"type": "input_audio", "input_audio": {}}]}]}, {"audio"}),
        ("chat", {"messages": [{"content": [{"type": "file", "file": {}}]}]}, {"files"}),
        ("chat", {"modalities": ["text", "audio"]}, {"audio"}),
        ("chat", {"messages": [{"role": "user", "content": 'say "type": "image_url" to me'}]}, set()),
        ("speech", {"input": "x", "response_format": "mp3"}, set()),
    ],
)
def test_what_a_request_needs(endpoint: str, fields: dict[str, Any], needs: set[str]) -> None:
    """Tools, formats and media, and texts that only speak of them."""
    assert read(endpoint, **fields).needs == needs


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"model": 4}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"n": []}, "n"),
        ({"team": {"name": "x"}}, "team"),
        ({"customer_id": []}, "customer_id"),
        ({"routing_strategy": 3}, "routing_strategy"),
        ({"requirements": {"min_context_window": "long"}}, "requirements"),
        ({"requirements": 5}, "requirements"),
        ({"fallback_enabled": "true"}, "fallback_enabled"),
        ({"response_format": "json"}, "response_format"),
    ],
)
def test_a_wrong_kind_is_an_error_that_names_the_field(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(WrongField, match=f"`{name}` must be") as caught:
        read(**fields)
    assert caught.value.field == name


def test_own_fields_are_read_and_named() -> None:
    body = read(
        model="m",
        provider="lab",
        team="t",
        customer_id=42,
        safety_required=True,
        routing_preference="cost-optimized",
        requirements={"min_context_window": 200000},
        fallback_enabled=True,
        priority="high",
        project=None,
    )
    assert body.provider == "lab"
    assert body.strategy == "cost-optimized"
    assert body.requirements == {"min_context_window": 200000.0}
    assert body.fallback_enabled
    assert body.labels == {"team": "t", "customer_id": "42", "safety_required": "true", "priority": "high"}
    assert set(body.own_fields) == {
        "provider", "team", "project", "customer_id", "safety_required", "routing_preference",
        "requirements", "fallback_enabled", "priority",
    }  # fmt: skip


def test_routing_strategy_counts_before_routing_preference() -> None:
    assert read(routing_preference="a", routing_strategy="b").strategy == "b"


def test_provider_and_priority_are_ours_only_as_strings() -> None:
    body = read(provider={"order": ["azure"]}, priority=5)
    assert body.own_fields == () and body.provider is None and body.labels == {}


def test_every_own_field_is_removed_when_it_is_a_string() -> None:
    fields: dict[str, Any] = dict.fromkeys(names.OWN_FIELDS, "x")
    fields |= {"fallback_enabled": False, "requirements": {}}
    assert read(**fields).own_fields == names.OWN_FIELDS


def test_the_last_of_several_models_counts_and_is_told() -> None:
    body = read_request("chat", b'{"model":"a","mod\\u0065l":"b"}')
    assert (body.model, body.model_once) == ("b", False)


@pytest.mark.parametrize(
    ("fields", "cap"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6, "max_tokens": 5}, 6),
        ({"max_output_tokens": 7}, 7),
        ({"max_tokens": None}, None),
        ({"max_tokens": -1}, None),
    ],
)
def test_the_callers_cap(fields: dict[str, Any], cap: int | None) -> None:
    """Three names of one thing; null and -1 are no cap."""
    assert read(**fields).max_output_tokens == cap


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"a":NaN}', b'{"model":"\\ud800"}', b'{"a":' * 9999, b'{"messages":' + b"[" * 9999]
)
def test_no_object_is_a_typed_error(body: bytes) -> None:
    """Empty, a list, null, NaN, a lone surrogate, depth bombs."""
    with pytest.raises(NotAnObject):
        read_request("chat", body)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)
FIELDS = st.dictionaries(st.sampled_from([*names.OWN_FIELDS, "model", "stream", "messages", "tools", "n"]), ANYTHING)


@given(st.binary(max_size=200) | FIELDS.map(lambda fields: json.dumps(fields).encode()))
def test_any_body_is_read_or_refused_with_a_typed_error(body: bytes) -> None:
    with contextlib.suppress(NotAnObject, WrongField):
        assert isinstance(read_request("chat", body), RequestBody)


def test_an_inline_image_counts_flat_whatever_its_size() -> None:
    def estimate(size: int) -> int:
        url = "data:image/png;base64," + "A" * size
        return read(
            messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
        ).input_tokens

    assert estimate(12_000_000) == estimate(10) < 1000


@given(st.text(max_size=300))
def test_a_longer_prompt_is_never_estimated_at_less(text: str) -> None:
    def estimate(prompt: str) -> int:
        return read(messages=[{"role": "user", "content": prompt}]).input_tokens

    assert estimate(text) <= estimate(text + "more")


def test_a_request_is_kept_without_its_files() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9999}},
        {"type": "input_audio", "input_audio": {"data": "B" * 9999, "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64," + "C" * 9999}},
        {"type": "text", "text": 'about "data": "this"'},
    ]
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": parts}], "tools": []}).encode()
    kept = without_media(body)
    assert len(kept) < 600
    before, after = read_chat(body), read_chat(kept)
    assert after.turns[0].parts[3] == before.turns[0].parts[3]
    assert [type(part) for part in after.turns[0].parts] == [type(part) for part in before.turns[0].parts]
