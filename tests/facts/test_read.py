"""Facts of a request: who wins where several say something, and what is cut or refused."""

import json
import re
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
        ({"requirements": {"capabilities": [1]}}, {}, Reason.INVALID_REQUEST, "requirements"),
        ({"requirements": ["vision"]}, {}, Reason.INVALID_REQUEST, "requirements"),
        ({"session_id": {"a": "b"}}, {}, Reason.INVALID_REQUEST, "session_id"),
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


def test_requirements_are_kept_whatever_they_are_called() -> None:
    """Numbers, booleans and lists of strings; what is asked for by name becomes a tag."""
    wanted = {
        "min_context": 5,
        "vision": True,
        "audio": False,
        "capabilities": ["reasoning", "large-context\n", ""],
        "tags": ["eu"],
        "nothing": None,
        "others": ["x"],
    }
    got = facts({"requirements": wanted})
    assert got.tags == {"reasoning", "large-context", "eu", "vision"}
    assert got.requirements == {
        "min_context": 5.0,
        "vision": True,
        "audio": False,
        "capabilities": ("reasoning", "large-context", ""),
        "tags": ("eu",),
        "others": ("x",),
    }


def test_requirements_are_bounded() -> None:
    got = facts({"requirements": {"capabilities": ["x" * 500] * 500} | {f"r{n}": n for n in range(500)}})
    assert len(got.requirements) == 32
    assert got.tags == {"x" * 128}
    assert got.requirements["capabilities"] == ("x" * 128,) * 32


def test_a_callers_strategy_stands_behind_the_requests_and_before_the_routes() -> None:
    caller = CallerFacts("ci", strategy="callers")
    assert facts({}, {}, SET, caller).strategy == "callers"
    assert facts(BODY, {}, SET, caller).strategy == "body-strategy"
    assert facts(BODY, SENT, SET, caller).strategy == "h-strategy"
    assert facts({"routing_preference": "cost-optimized"}, {}, SET, caller).strategy == "cost-optimized"


HELLO = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (({}, {"x-extproc-session": "s"}), ({}, {"x-extproc-session": "s"}), True),
        (({}, {"x-extproc-session": "s"}), ({"session_id": "s"}, {}), True),
        (({"session_id": "s"}, {}), ({"prompt_cache_key": "s"}, {}), True),
        (({"session_id": "7"}, {}), ({"session_id": 7}, {}), True),
        (({"session_id": "s"}, {}), ({"session_id": "t"}, {}), False),
        (({"session_id": "s"}, {"x-extproc-session": "t"}), ({}, {"x-extproc-session": "t"}), True),
        (({"session_id": "s", "prompt_cache_key": "t"}, {}), ({"session_id": "s"}, {}), True),
    ],
)
def test_a_session_is_named_by_header_field_or_cache_key(one: Any, other: Any, same: bool) -> None:
    """In this order."""
    first, second = facts(*one).session, facts(*other).session
    assert first and second and (first == second) is same


def test_what_ties_requests_together_is_told_by_digests_alone() -> None:
    secret = "alice@example.com"
    body = {"user": secret, "session_id": secret, "messages": [{"role": "user", "content": secret}]}
    got = facts(body, {"x-extproc-session": secret + "!"})
    assert secret not in repr(got)
    digests = (got.session, got.user, got.prefix)
    assert all(one is not None and re.fullmatch("[0-9a-f]{16}", one) for one in digests)
    assert got.labels == {}
    assert got.own_fields == ("session_id",)
    assert facts({"user_id": "u", "user": "v"}).user == facts({"safety_identifier": "u", "user": "v"}).user


def test_without_names_nothing_ties_together_but_the_prompt() -> None:
    got = facts(HELLO)
    assert (got.session, got.user) == (None, None) and got.prefix
    assert facts({"input": "x"}, endpoint="embeddings").prefix is None
    assert facts({"user": {"not": "a name"}, "prompt_cache_key": [1], "session_id": ""}).session is None
    assert facts(None, endpoint="audio").prefix is None


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
