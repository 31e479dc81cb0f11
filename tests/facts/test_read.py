"""Facts of a request: who wins where several say something, and what is cut or refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.endpoints import BY_NAME
from extproc.facts.read import read_facts
from extproc.facts.request import CallerFacts, Facts
from extproc.protocol.events import Headers
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Match, Route

ROUTE = Route("main", Match())


def read(
    fields: dict[str, Any] | bytes | None,
    sent: dict[str, str] | None = None,
    route: Route = ROUTE,
    caller: CallerFacts = CallerFacts(),  # noqa: B008
    endpoint: str = "chat",
) -> Facts | Refusal:
    headers = Headers(tuple((name, value.encode()) for name, value in (sent or {}).items()))
    body = json.dumps(fields).encode() if isinstance(fields, dict) else fields
    return read_facts(BY_NAME[endpoint], route, headers, body, caller)


def facts(*args: Any, **options: Any) -> Facts:
    result = read(*args, **options)
    assert isinstance(result, Facts)
    return result


def refused(*args: Any, **options: Any) -> Refusal:
    result = read(*args, **options)
    assert isinstance(result, Refusal)
    return result


SET = Route("r", Match(), model="route-model", provider="route-provider", strategy="route-strategy")
BODY = {"model": "body-model", "provider": "body-provider", "routing_strategy": "body-strategy"}
SENT = {"x-extproc-model": "h-model", "x-extproc-provider": "h-provider", "x-extproc-strategy": "h-strategy"}


@pytest.mark.parametrize(
    ("fields", "sent", "route", "winner"),
    [
        (BODY, SENT, SET, "h"),
        (BODY, {}, SET, "body"),
        ({}, {}, SET, "route"),
        ({"model": None, "provider": None}, {"x-extproc-model": ""}, SET, "route"),
    ],
)
def test_header_wins_over_body_and_body_over_route(
    fields: dict[str, Any], sent: dict[str, str], route: Route, winner: str
) -> None:
    """For the model, the provider and the strategy; what is empty says nothing."""
    got = facts(fields, sent, route)
    assert (got.model, got.strategy) == (f"{winner}-model", f"{winner}-strategy")
    # A route's provider is for requests that name none in any way, and an alias is such a way: the decision knows it.
    assert got.provider == (None if winner == "route" else f"{winner}-provider")


def test_the_body_is_told_as_it_stands_even_where_a_header_wins() -> None:
    got = facts(BODY, SENT, SET)
    assert got.body_model == "body-model"
    assert got.own_fields == ("provider", "routing_strategy")
    assert got.body_bytes == len(json.dumps(BODY))


def test_several_models_in_a_body_are_told_as_none_so_that_one_is_written() -> None:
    got = facts(b'{"model":"a","model":"b"}')
    assert (got.model, got.body_model) == ("b", None)


def test_labels_come_from_body_and_headers_and_the_callers_own_win() -> None:
    got = facts(
        {"team": "body", "project": "body", "customer": "body", "feature": "f", "data_classification": "public"},
        {"x-extproc-team": "header", "x-extproc-project": "header", "x-extproc-classification": "restricted"},
        caller=CallerFacts("alice", {"team": "fixed", "cost_center": "7"}),
    )
    assert got.labels == {
        "team": "fixed",
        "project": "header",
        "customer": "body",
        "feature": "f",
        "data_classification": "restricted",
        "cost_center": "7",
    }


def test_labels_are_cut_and_cleaned() -> None:
    got = facts({"team": "a\r\nb\x00" + "x" * 500, "project": "\n", "feature": "\u2028ok"})
    assert got.labels == {"team": ("ab" + "x" * 500)[:128], "feature": "ok"}


def test_header_bytes_that_are_not_utf8_are_read_as_latin_1() -> None:
    result = read_facts(BY_NAME["chat"], ROUTE, Headers((("x-extproc-team", b"caf\xe9"),)), b"{}", CallerFacts())
    assert isinstance(result, Facts) and result.labels == {"team": "café"}


@pytest.mark.parametrize(
    ("fields", "sent", "reason", "param"),
    [
        (b"", {}, Reason.INVALID_JSON, None),
        (b"[]", {}, Reason.INVALID_JSON, None),
        (b'{"a":' * 9999, {}, Reason.INVALID_JSON, None),
        ({"model": 5}, {}, Reason.INVALID_REQUEST, "model"),
        ({"model": "x" * 300}, {}, Reason.INVALID_REQUEST, "model"),
        ({"model": "a\nb"}, {}, Reason.INVALID_REQUEST, "model"),
        ({"provider": "a\u0000"}, {}, Reason.INVALID_REQUEST, "provider"),
        ({}, {"x-extproc-model": "x" * 5000}, Reason.INVALID_REQUEST, "model"),
        ({}, {"x-extproc-strategy": "x\t"}, Reason.INVALID_REQUEST, "routing_strategy"),
        ({"requirements": {"a": "b"}}, {}, Reason.INVALID_REQUEST, "requirements"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(
    fields: dict[str, Any] | bytes, sent: dict[str, str], reason: Reason, param: str | None
) -> None:
    """No JSON object, wrong kinds, names that are none."""
    refusal = refused(fields, sent)
    assert (refusal.reason, refusal.param) == (reason, param)
    assert len(refusal.message) < 200


def test_a_body_that_is_not_read_leaves_headers_and_route() -> None:
    got = facts(None, {"x-extproc-model": "whisper", "x-extproc-team": "t"}, SET, endpoint="audio")
    assert (got.model, got.provider, got.family, got.labels) == ("whisper", None, "audio", {"team": "t"})
    assert (got.body_model, got.own_fields, got.stream, got.body_bytes) == (None, (), False, 0)


def test_an_opaque_body_is_never_parsed() -> None:
    assert facts(b"--boundary", endpoint="audio").body_bytes == 10


@pytest.mark.parametrize(("value", "asked"), [("true", True), ("1", True), (" True", True), ("no", False), ("", False)])
def test_explain_is_asked_for_by_its_header(value: str, asked: bool) -> None:
    """`true`, in any case."""
    assert facts({}, {"x-extproc-explain": value}).explain is asked


def test_numbers_flags_and_needs_reach_the_facts() -> None:
    got = facts(
        {
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 9,
            "tools": [{}],
            "fallback_enabled": True,
            "requirements": {"min_context_window": 200000},
            "messages": [{"role": "user", "content": "hello"}],
        }
    )
    assert (got.stream, got.usage_asked, got.max_output_tokens, got.fallback_enabled) == (True, True, 9, True)
    assert got.needs == {"tools"} and got.requirements == {"min_context_window": 200000.0}
    assert 0 < got.input_tokens < 20


def test_tokens_are_counted_for_the_model_that_is_asked_for() -> None:
    """By whose vocabulary: that of the header's model where there is one."""
    fields = {"model": "gpt-4", "messages": [{"role": "user", "content": "你好，世界。港口很安静。"}]}
    old, new = facts(fields).input_tokens, facts({**fields, "model": "gpt-4o"}).input_tokens
    assert new < old
    assert facts(fields, {"x-extproc-model": "openai/gpt-4o"}).input_tokens == new


@given(st.binary(max_size=100), st.dictionaries(st.sampled_from(list(SENT)), st.text(max_size=20)))
def test_any_request_gives_facts_or_a_refusal(body: bytes, sent: dict[str, str]) -> None:
    headers = Headers(tuple((name, value.encode("utf-8", "surrogatepass")) for name, value in sent.items()))
    assert isinstance(read_facts(BY_NAME["chat"], ROUTE, headers, body, CallerFacts()), (Facts, Refusal))
