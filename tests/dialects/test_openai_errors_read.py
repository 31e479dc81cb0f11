"""Errors of providers of OpenAI's shape, told apart: what class they are, and what is shown of them."""

import json
from typing import Any

import pytest

from extproc.dialects.openai.side import read_error
from extproc.dialects.upstream_error import CLASSES, SHOWN, ErrorClass, UpstreamError


def error(status: int, body: Any):
    return read_error(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


FILTER = "ResponsibleAIPolicyViolation"
RAW = '{"error": {"message": "prompt is too long"}}'


def said(message: str, code: Any, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, **more}}


@pytest.mark.parametrize(
    ("who", "status", "body", "kind"),
    [
        ("OpenAI", 401, said("Incorrect API key", "invalid_api_key"), "auth"),
        ("OpenAI", 400, said("too long", "context_length_exceeded"), "context_length"),
        ("OpenAI", 429, said("slow", "rate_limit_exceeded", type="requests"), "rate_limit"),
        ("OpenAI", 429, said("pay", "insufficient_quota", type="insufficient_quota"), "billing"),
        ("OpenAI", 404, said("no", "model_not_found"), "not_found"),
        ("Azure", 400, said("m", "content_filter", innererror={"code": FILTER}), "content_policy"),
        ("Azure", 401, said("Access denied", "401"), "auth"),
        ("Azure", 404, said("m", "DeploymentNotFound"), "not_found"),
        ("llama.cpp", 400, said("m", 400, type="exceed_context_size_error"), "context_length"),
        ("vLLM", 400, {"object": "error", "message": "This model's maximum context length is 10"}, "context_length"),
        ("OpenRouter", 402, said("credits", 402), "billing"),
        ("OpenRouter", 403, said("flagged", 403, metadata={"reasons": ["x"]}), "content_policy"),
        ("OpenRouter", 400, said("Provider returned error", 400, metadata={"raw": RAW}), "context_length"),
        ("FastAPI", 422, {"detail": [{"loc": ["body", "n"], "msg": "too many"}]}, "invalid_request"),
        ("Ollama", 404, {"error": "model 'x' not found"}, "not_found"),
        ("a proxy", 502, b"<html>Bad Gateway</html>", "server_error"),
        ("a proxy", 503, b"", "overloaded"),
        ("nobody", 400, b'{"error": {"message": 5, "code": []}}', "invalid_request"),
    ],
)
def test_the_class_of_an_error(who: str, status: int, body: Any, kind: str) -> None:
    assert error(status, body).kind == kind, who


def test_what_is_wrong_with_which_field_is_said() -> None:
    assert error(422, {"detail": [{"loc": ["body", "n"], "msg": "too many"}]}).message == "n: too many"


def test_a_providers_no_to_our_credential_is_never_repeated() -> None:
    found = error(401, {"error": {"message": "Incorrect API key provided: sk-secret", "code": "invalid_api_key"}})
    assert (found.shown_status, found.shown_code) == (502, "upstream_auth")
    assert "sk-secret" not in found.shown_message


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b"[[]]", b"5", b'"x"', b"{" * 5000, b"\xff\xfe", b'{"error":{"metadata":5}}']
)
@pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500, 529, 599])
def test_whatever_comes_has_a_class_and_a_message(body: bytes, status: int) -> None:
    found = read_error(status, {}, body)
    assert found.kind in CLASSES
    assert 400 <= found.shown_status <= 599
    assert found.shown_message


def test_every_class_is_shown_in_some_way() -> None:
    assert set(SHOWN) == set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("status", [401, 402, 403, 407])
def test_no_class_shows_a_no_to_our_key_as_one_to_the_callers(kind: ErrorClass, status: int) -> None:
    assert UpstreamError(kind, "x", status).shown_status not in (401, 402, 403, 407)
