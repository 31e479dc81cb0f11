"""Who gets a copy, and what goes along with it: no credential, and all or nothing."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import names
from extproc.facts.request import CallerFacts, Facts
from extproc.rewrite.shadow import LONGEST, copy_headers, read_copy
from extproc.snapshot import Credential, ShadowSpec, Target
from tests.exchange.scene import snapshot

HERE = snapshot()
BETA = HERE.providers["beta"]
FACTS = Facts(route="main", endpoint="chat", family="chat")
SPEC = ShadowSpec(Target("beta", "m"))


def told(exchange: str = "id-1", path: str = "/v1/chat/completions?x=1", **private: Any) -> dict[str, Any]:
    decision = {
        names.M_ID: exchange,
        names.M_SNAPSHOT: HERE.id,
        names.M_ENDPOINT: "chat",
        names.M_DIALECT: "openai",
        names.M_STREAM: True,
        names.M_TARGETS: ["alpha/m", "gamma/own"],
        names.M_LABELS: {"team": "a"},
    }
    return {names.META: decision, names.META_PRIVATE: {names.P_PATH: path, names.P_CREDENTIAL: "sk-own", **private}}


def test_a_copy_says_all_that_an_attempt_needs_and_holds_no_credential() -> None:
    lines = dict(copy_headers(SPEC, told(**{names.P_OWN_FIELDS: ["team"]}), FACTS, HERE))
    assert lines[names.CTL_SHADOW] == BETA.cluster + ".shadow"
    read = read_copy(lines[names.CTL_SHADOW_CALL])
    assert read == {
        names.META: {
            names.M_ID: "id-1",
            names.M_SNAPSHOT: HERE.id,
            names.M_ENDPOINT: "chat",
            names.M_DIALECT: "openai",
            names.M_STREAM: True,
            names.M_TARGETS: ["beta/m"],
        },
        names.META_PRIVATE: {names.P_PATH: "/v1/chat/completions?x=1", names.P_OWN_FIELDS: ["team"]},
    }
    assert b"sk-own" not in base64.urlsafe_b64decode(lines[names.CTL_SHADOW_CALL])


@pytest.mark.parametrize(
    ("spec", "facts", "provider"),
    [
        (None, FACTS, BETA),
        (ShadowSpec(Target("beta", "m"), 0.0), FACTS, BETA),
        (SPEC, replace(FACTS, family="embeddings"), BETA),
        (SPEC, FACTS, replace(BETA, credential=Credential("caller"))),
        (SPEC, replace(FACTS, caller=CallerFacts(providers=("alpha",))), BETA),
    ],
    ids=["no shadow", "a share of nothing", "another family", "the caller's own key", "a caller kept from it"],
)
def test_what_cannot_or_need_not_be_copied_is_not(spec: ShadowSpec | None, facts: Facts, provider: Any) -> None:
    here = replace(HERE, providers={**HERE.providers, "beta": provider})
    assert copy_headers(spec, told(), facts, here) == ()


def test_what_is_longer_than_a_header_may_be_is_not_copied() -> None:
    assert copy_headers(SPEC, told(path="/" + "x" * LONGEST), FACTS, HERE) == ()


@given(st.text(max_size=64))
def test_everybody_is_in_a_share_of_all_and_nobody_in_one_of_nothing(exchange: str) -> None:
    assert copy_headers(SPEC, told(exchange), FACTS, HERE)
    assert not copy_headers(replace(SPEC, share=0.0), told(exchange), FACTS, HERE)


def test_a_share_is_drawn_by_the_exchanges_id_and_a_larger_one_keeps_who_was_in() -> None:
    def drawn(share: float) -> set[int]:
        spec = replace(SPEC, share=share)
        return {number for number in range(2000) if copy_headers(spec, told(f"id-{number}"), FACTS, HERE)}

    quarter, half = drawn(0.25), drawn(0.5)
    assert drawn(0.25) == quarter < half
    assert 420 < len(quarter) < 580 and 910 < len(half) < 1090


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_what_we_never_wrote_is_no_copy(text: str) -> None:
    assert read_copy(text) is None
