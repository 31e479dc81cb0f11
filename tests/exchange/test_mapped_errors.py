"""What a caller gets for a provider's error, where only Envoy remembers the decision."""

import json

import pytest

from extproc import names
from extproc.exchange.mapped_errors import mapped
from extproc.protocol.replies import ImmediateReply
from tests.exchange.scene import Scene

DECISION = {names.M_TARGETS: ["alpha/m", "beta/m"], names.M_SNAPSHOT: "?"}
OPENAIS = json.dumps({"error": {"message": "slow down", "type": "requests", "param": None, "code": None}}).encode()


def reply(status: int, body: bytes, **headers: str) -> ImmediateReply | None:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return mapped(DECISION, {names.ATTR_ATTEMPT: 2.0}, status, given, body, Scene().desk)


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500])
def test_an_error_in_the_callers_dialect_passes(status: int) -> None:
    assert reply(status, OPENAIS) is None


@pytest.mark.parametrize("status", [401, 403, 407])
def test_a_no_to_our_credential_does_not(status: int) -> None:
    found = reply(status, OPENAIS)
    assert found is not None
    assert found.status == 502
    assert json.loads(found.body)["error"]["code"] == "upstream_auth"
    assert b"slow down" not in found.body


def test_a_no_to_the_callers_own_key_is_the_callers() -> None:
    decision = {names.M_TARGETS: ["gamma/own"], names.M_SNAPSHOT: "?"}
    found = mapped(decision, {names.ATTR_ATTEMPT: 1}, 403, {}, OPENAIS, Scene().desk)
    assert found is not None
    assert (found.status, json.loads(found.body)["error"]["code"]) == (401, "invalid_api_key")


def test_another_form_is_put_into_the_callers_and_retry_after_is_kept() -> None:
    found = reply(429, b'{"detail": "too many requests"}', retry_after="7")
    assert found is not None
    assert dict(found.headers) == {
        "content-type": "application/json",
        "retry-after": "7",
        "x-should-retry": "false",
    }
    assert json.loads(found.body)["error"] == {
        "message": "too many requests",
        "type": "rate_limit_error",
        "param": None,
        "code": "rate_limit_exceeded",
    }


def test_a_file_that_is_not_there_is_no_missing_model() -> None:
    decision = {**DECISION, names.M_ENDPOINT: "file"}
    found = mapped(decision, {names.ATTR_ATTEMPT: 1}, 404, {}, b'{"detail": "no such file"}', Scene().desk)
    assert found is not None and found.status == 404
    error = json.loads(found.body)["error"]
    assert (error["message"], error["code"]) == ("no such file", None)


@pytest.mark.parametrize("attempt", [0, 3, -1])
def test_an_answer_of_nobody_in_the_plan_never_passes(attempt: int) -> None:
    found = mapped(DECISION, {names.ATTR_ATTEMPT: attempt}, 401, {}, b"", Scene().desk)
    assert found is not None and found.status == 502
