"""Bedrock as an upstream: its errors as classes, its frames that tell of one, and what its families take."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.aws_event_stream import Decoder, Frame
from extproc.dialects.bedrock import SIDE, error_in, read_error, usage_of
from extproc.dialects.bedrock_families import family_of, telling_name
from extproc.dialects.losses import losses, unfit
from extproc.dialects.openai.features import AUDIO, FILE, IMAGE, IMAGE_LINK
from extproc.dialects.registry import side_of
from extproc.dialects.upstream_error import ErrorClass, UpstreamError
from extproc.snapshot import Model
from tests.dialects import aws_frames

CORAL = ":http://internal.example/coral/com.example.bedrock/"


def read(status: int, kind: str | None, message: str, key: str = "message") -> UpstreamError:
    headers = {} if kind is None else {"x-amzn-errortype": kind}
    return read_error(status, headers, json.dumps({key: message}).encode())


@pytest.mark.parametrize(
    ("status", "kind", "found", "shown"),
    [
        (403, "AccessDeniedException", "auth", 502),
        (403, "ExpiredTokenException", "auth", 502),
        (400, "UnrecognizedClientException", "auth", 502),
        (403, "InvalidSignatureException", "auth", 502),
        (429, "ThrottlingException", "rate_limit", 429),
        (400, "ServiceQuotaExceededException", "rate_limit", 429),
        (429, "ModelNotReadyException", "overloaded", 503),
        (404, "ResourceNotFoundException", "not_found", 404),
        (408, "ModelTimeoutException", "timeout", 504),
        (424, "ModelErrorException", "server_error", 502),
        (500, "InternalServerException", "server_error", 500),
        (503, "ServiceUnavailableException", "overloaded", 503),
        (400, "ValidationException", "invalid_request", 400),
        (403, None, "auth", 502),
        (413, None, "invalid_request", 413),
        (502, "SomethingNew", "server_error", 502),
    ],
)
def test_kinds_of_errors(status: int, kind: str | None, found: ErrorClass, shown: int) -> None:
    for spelled in (kind, kind and kind + CORAL, kind and f"com.example.coral#{kind}{CORAL}"):
        error = read(status, spelled, "why")
        assert (error.kind, error.shown_status, error.message) == (found, shown, "why")
        assert error.code == kind


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("The provided model identifier is invalid.", "not_found"),
        ("Invocation of model ID x with on-demand throughput isn’t supported.", "not_found"),
        ("This model version has reached the end of its life.", "not_found"),
        ("Input is too long for requested model.", "context_length"),
        (
            "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
            "context_length",
        ),
        ("input length and `max_tokens` exceed context limit: 9 + 9 > 10", "context_length"),
        ("The generated text has been blocked by our content filters.", "content_policy"),
        ("This request conflicts with our AUP or AWS Responsible AI Policy.", "content_policy"),
        ("The guardrail identifier or version provided in the request does not exist.", "invalid_request"),
        ("messages.1: a conversation must alternate", "invalid_request"),
        ("", "invalid_request"),
    ],
)
def test_what_validation_says_in_words(message: str, found: ErrorClass) -> None:
    assert read(400, "ValidationException" + CORAL, message).kind == found
    assert read(400, None, message, "Message").kind == found


def test_the_kind_in_the_body() -> None:
    body = b'{"__type":"com.amazon.coral.service#ThrottlingException","Message":"slow"}'
    assert read_error(400, {}, body) == UpstreamError("rate_limit", "slow", 400, "ThrottlingException")


@given(st.integers(400, 599), st.text(max_size=40), st.binary(max_size=200))
def test_no_error_raises(status: int, kind: str, body: bytes) -> None:
    assert 400 <= read_error(status, {"x-amzn-errortype": kind}, body).shown_status <= 599


def frame_of(data: bytes) -> Frame:
    (frame,) = Decoder().feed(data)
    return frame


def test_errors_in_frames() -> None:
    thrown = frame_of(aws_frames.exception("throttlingException", {"message": "slow"}))
    assert error_in(thrown) == UpstreamError("rate_limit", "slow", 0, "throttlingException")
    inner = {"message": "outer", "originalMessage": "inner", "originalStatusCode": 400}
    told = error_in(frame_of(aws_frames.exception("modelStreamErrorException", inner)))
    assert told is not None and (told.kind, told.message, told.shown_status) == ("server_error", "inner", 502)
    told = error_in(frame_of(aws_frames.exception("validationException", {"message": "Input is too long"})))
    assert told is not None and told.kind == "context_length"
    told = error_in(frame_of(aws_frames.error("InternalFailure", "broken")))
    assert told is not None and (told.kind, told.message) == ("server_error", "broken")
    assert error_in(frame_of(aws_frames.event("messageStop", {"stopReason": "end_turn"}))) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_usage_of_nonsense_is_none_or_small(told: object) -> None:
    usage = usage_of({"usage": {"inputTokens": told, "cacheDetails": told, "cacheReadInputTokens": told}})
    assert usage is None or usage.input >= usage.cached_input >= 0


def test_it_is_registered() -> None:
    assert side_of("bedrock", "anything") is SIDE
    asked = frozenset({"seed", "n", "temperature", "store", IMAGE, IMAGE_LINK, FILE, AUDIO})
    assert losses("bedrock", "amazon.nova-lite-v1:0", None, asked) == ("n", "seed")
    assert unfit("bedrock", "amazon.nova-lite-v1:0", asked) == (IMAGE_LINK,)


# --- families --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "claude", "tools", "system"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", True, True, True),
        ("anthropic.claude-v2:1", True, False, True),
        ("amazon.nova-pro-v1:0", False, True, True),
        ("amazon.titan-text-express-v1", False, False, False),
        ("meta.llama3-8b-instruct-v1:0", False, False, True),
        ("us.meta.llama4-scout-17b-instruct-v1:0", False, True, True),
        ("mistral.mistral-7b-instruct-v0:2", False, False, False),
        ("mistral.mistral-large-2407-v1:0", False, True, True),
        ("cohere.command-text-v14", False, False, False),
        ("cohere.command-r-plus-v1:0", False, True, True),
        ("ai21.jamba-1-5-mini-v1:0", False, True, True),
        ("ai21.j2-ultra-v1", False, False, False),
        ("us.deepseek.r1-v1:0", False, False, True),
        ("openai.gpt-oss-20b-1:0", False, True, True),
        ("qwen.qwen3-32b-v1:0", False, True, True),
        ("nobody.knows-it", False, True, True),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-1-20250805-v1:0", True, True, True),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-lite-v1", False, False, False),
    ],
)
def test_families_by_id(model: str, claude: bool, tools: bool, system: bool) -> None:
    family = family_of(model, None)
    assert (family.claude, family.tools, family.system) == (claude, tools, system)


def test_an_opaque_arn_is_known_by_what_callers_say() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd1234"
    entry = Model(name="claude-sonnet-4", upstream=arn)
    assert telling_name(arn, entry) == "claude-sonnet-4"
    assert family_of(arn, entry).claude
    assert not family_of(arn, None).claude


def test_an_entry_overrules_its_family() -> None:
    says = Model(name="m", capabilities=frozenset({"tools", "system_role", "forced_tools", "streamed_tools"}))
    family = family_of("amazon.titan-text-lite-v1", says)
    assert family.tools and family.system and family.streams_tools
    assert family.choices == {"any", "tool"}
    without = Model(name="m", capabilities=frozenset({"no_tools", "no_caching", "no_streamed_tools"}))
    family = family_of("amazon.nova-lite-v1:0", without)
    assert not (family.tools or family.caches or family.streams_tools)


@pytest.mark.parametrize(
    ("model", "caches", "an_hour", "one_sampling"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", False, False, False),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", True, False, False),
        ("anthropic.claude-opus-4-20250514-v1:0", True, False, False),
        ("anthropic.claude-opus-4-1-20250805-v1:0", True, False, True),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", True, True, True),
        ("anthropic.claude-opus-5", True, True, True),
        ("anthropic.claude-sonnet-5-5", True, True, True),
    ],
)
def test_generations_of_claude(model: str, caches: bool, an_hour: bool, one_sampling: bool) -> None:
    family = family_of(model, None)
    assert (family.caches, family.caches_an_hour, family.one_sampling) == (caches, an_hour, one_sampling)
