"""Requests that go to the provider that is named: one target, or who could be named and how."""

from dataclasses import replace
from typing import Any

import pytest

from extproc.decision.plan import Decision, Plan
from extproc.refusal import Reason
from tests.decision.samples import decided, plan_of, provider, refusal_of, shut, snapshot

OPENAI = provider("openai", "gpt-4o", "gpt-realtime")
AZURE = replace(provider("azure", "dep"), dialect="azure_openai")
CLAUDE = replace(provider("claude", "claude-x"), dialect="anthropic")
MISTRAL = replace(provider("mistral", "small"), dialect="mistral")
CONFIG = snapshot(OPENAI, AZURE, CLAUDE, MISTRAL, aliases={"voice": ["azure/dep", "openai/gpt-realtime"]})


def asked(endpoint: str, model: str | None = None, *, of: Any = CONFIG, **keys: Any) -> Decision:
    families = {"realtime": "realtime", "batch_create": "batches", "batches": "batches", "upload": "uploads"}
    return decided(of, model, endpoint=endpoint, family=families.get(endpoint, "files"), **keys)


@pytest.mark.parametrize(
    ("endpoint", "named", "target"),
    [
        ("files", "openai", "openai/files"),
        ("file_delete", "azure", "azure/files"),
        ("file_upload", "mistral", "mistral/files"),
        ("batch_create", "azure", "azure/batches"),
        ("upload", "openai", "openai/uploads"),
        ("realtime", "openai", "openai/realtime"),
    ],
)
def test_the_named_provider_is_the_only_target(endpoint: str, named: str, target: str) -> None:
    decision = asked(endpoint, provider=named)
    assert plan_of(decision) == [target]
    assert isinstance(decision.outcome, Plan) and decision.outcome.strategy == "named"


def test_the_routes_provider_is_named_for_everybody_who_names_none() -> None:
    config = snapshot(OPENAI, AZURE, provider="azure")
    assert plan_of(asked("files", of=config)) == ["azure/files"]
    assert plan_of(asked("files", of=config, provider="openai")) == ["openai/files"]


def test_where_nobody_is_named_the_refusal_says_whom_and_how_and_what_there_is() -> None:
    refusal = refusal_of(asked("files"))
    assert (refusal.reason, refusal.param) == (Reason.UNKNOWN_ENDPOINT, "provider")
    assert "Name one of openai, azure, mistral by the header x-extproc-provider;" in refusal.message
    assert "There are: POST /v1/chat/completions, " in refusal.message
    assert "`provider` in the body" in refusal_of(asked("batch_create")).message
    assert "?provider= in the query" in refusal_of(asked("realtime")).message


def test_only_who_may_be_used_is_told() -> None:
    refusal = refusal_of(asked("batches", providers=("azure", "claude")))
    assert "Name one of azure by" in refusal.message and "openai" not in refusal.message
    refusal = refusal_of(asked("batches", providers=("claude",)))
    assert "No provider that you may use here has batches." in refusal.message


@pytest.mark.parametrize(("endpoint", "named"), [("files", "claude"), ("batches", "mistral"), ("realtime", "claude")])
def test_an_api_without_it_is_said_to_have_none(endpoint: str, named: str) -> None:
    refusal = refusal_of(asked(endpoint, provider=named))
    assert refusal.reason is Reason.UNKNOWN_ENDPOINT
    assert refusal.message.startswith(f"The API of {named} (") and "Name one of openai, azure" in refusal.message


def test_a_model_of_a_websocket_stands_for_one_target() -> None:
    assert plan_of(asked("realtime", "gpt-realtime")) == ["openai/gpt-realtime"]
    assert plan_of(asked("realtime", "openai/gpt-realtime")) == ["openai/gpt-realtime"]
    assert plan_of(asked("realtime", "voice")) == ["azure/dep"]
    assert plan_of(asked("realtime", "voice", provider="openai")) == ["openai/gpt-realtime"]
    assert refusal_of(asked("realtime", "nothing")).reason is Reason.MODEL_NOT_FOUND
    assert refusal_of(asked("realtime", "claude-x")).reason is Reason.UNKNOWN_ENDPOINT


def test_callers_rules_hold_where_no_model_is_named() -> None:
    refusal = refusal_of(asked("files", provider="openai", models=("gpt-4o",)))
    assert refusal.reason is Reason.MODEL_NOT_ALLOWED and "openai/files" in refusal.message
    assert plan_of(asked("files", provider="openai", models=("gpt-4o", "openai/files"))) == ["openai/files"]
    assert plan_of(asked("files", provider="openai", models=("openai/*",))) == ["openai/files"]
    assert refusal_of(asked("files", provider="openai", providers=("azure",))).reason is Reason.MODEL_NOT_ALLOWED
    config = snapshot(OPENAI, AZURE, providers=("azure",))
    assert refusal_of(asked("files", of=config, provider="openai")).reason is Reason.MODEL_NOT_ALLOWED


def test_a_breaker_of_files_shuts_files_alone() -> None:
    seen = {"openai/files": shut(1060.0)}
    assert refusal_of(asked("files", provider="openai", seen=seen)).reason is Reason.NO_TARGET_AVAILABLE
    assert plan_of(asked("batches", provider="openai", seen=seen)) == ["openai/batches"]


def test_nobody_stands_behind_it_whatever_was_asked() -> None:
    assert plan_of(asked("files", provider="openai", fallback_enabled=True)) == ["openai/files"]
    assert plan_of(asked("realtime", "gpt-realtime", provider="openai", fallback_enabled=True)) == [
        "openai/gpt-realtime"
    ]
