"""Refusals and the gateway's own answers, as callers see them."""

import json

import pytest

from extproc import names
from extproc.dialects.registry import ModelName
from extproc.refusal import Reason, Refusal
from extproc.rewrite.models import models_reply
from extproc.rewrite.refusals import immediate


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_an_error_that_sdks_read_and_do_not_send_again(reason: Reason) -> None:
    """Status, code, id, details, and the word to SDKs wherever they would try again."""
    reply = immediate(Refusal(reason, "why", "model"), "openai", "id1", {})
    headers = dict(reply.headers)
    assert reply.status == reason.status
    assert json.loads(reply.body)["error"] == {
        "message": "why",
        "type": reason.type,
        "param": "model",
        "code": reason.code,
    }
    assert headers["content-type"] == "application/json" and headers["x-extproc-request-id"] == "id1"
    retried = reason.status in (408, 409, 429) or reason.status >= 500
    assert headers.get("x-should-retry") == ("false" if retried else None)
    assert "retry-after" not in headers
    assert reply.details == f"extproc_{reason.code}"
    assert reply.metadata == {"extproc": {"id": "id1", "refusal": reason.code}}


@pytest.mark.parametrize(("seconds", "text"), [(7, "7"), (0, "1")])
def test_retry_after_is_told_where_it_is_known(seconds: int, text: str) -> None:
    """Never 0: that would mean «at once»."""
    refusal = Refusal(Reason.NO_TARGET_AVAILABLE, "all shut", retry_after=seconds)
    assert dict(immediate(refusal, "openai", "i").headers)["retry-after"] == text


def test_metadata_of_the_exchange_is_kept_beside_the_refusal() -> None:
    given = {names.META: {"route": "main", "id": "old"}, "other": {"a": 1}}
    reply = immediate(Refusal(Reason.INVALID_JSON, "why"), "openai", "new", given)
    assert reply.metadata == {
        "extproc": {"route": "main", "id": "new", "refusal": "invalid_json"},
        "other": {"a": 1},
    }


def test_a_dialect_nobody_knows_is_answered_all_the_same() -> None:
    assert b"invalid_json" in immediate(Refusal(Reason.INVALID_JSON, "why"), "klingon", "i").body


NAMES = [ModelName("gpt-4o", "openai"), ModelName("anthropic/claude-3.5", "openrouter"), ModelName("smart", "extproc")]


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models/", "/v1/models?limit=5"])
def test_the_list_holds_the_names_a_caller_may_use(path: str) -> None:
    """On the versioned and the unversioned path, with a query."""
    reply = models_reply(path, NAMES, "openai", "id1", {})
    assert reply.status == 200 and dict(reply.headers)["x-extproc-request-id"] == "id1"
    assert [model["id"] for model in json.loads(reply.body)["data"]] == [name.id for name in NAMES]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/models/gpt-4o", "gpt-4o"),
        ("/models/gpt-4o?x=1", "gpt-4o"),
        ("/v1/models/anthropic/claude-3.5", "anthropic/claude-3.5"),
        ("/v1/models/anthropic%2Fclaude-3.5", "anthropic/claude-3.5"),
    ],
)
def test_one_model_is_found_by_its_id(path: str, found: str) -> None:
    """Slashes escaped or not."""
    reply = models_reply(path, NAMES, "openai", "id1", {})
    assert reply.status == 200 and json.loads(reply.body)["id"] == found


def test_a_name_that_is_none_is_404_with_the_nearest() -> None:
    reply = models_reply("/v1/models/gpt-4p%00" + "x" * 5000, NAMES, "openai", "id1", {})
    assert reply.status == 404 and len(reply.body) < 400
    near = models_reply("/v1/models/gpt-4p", NAMES, "openai", "id1", {})
    error = json.loads(near.body)["error"]
    assert error["code"] == "model_not_found" and "`gpt-4o`" in error["message"] and "gpt-4p" in error["message"]
