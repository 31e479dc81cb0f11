"""The headers of an attempt: its provider's, and nobody else's."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import names
from extproc.protocol.events import Headers
from extproc.protocol.replies import HeaderEdit
from extproc.rewrite.attempt import OriginalRequest, attempt_headers
from extproc.snapshot import Credential, Provider
from extproc.translation.pair import TranslatedRequest
from tests.translation import providers
from tests.translation.providers import AZURE, CALLERS_KEY, EVERY, OLLAMA, OPENAI, OPENROUTER

REQUEST = TranslatedRequest("POST", "/v1/chat/completions", (), None)
X_API_KEY, GOOG = Credential("injected", "x-api-key", ""), Credential("injected", "x-goog-api-key", "")
AWS = Credential("aws_keys", "authorization", "")
KINDS = (
    *EVERY,
    providers.provider("anthropic", "anthropic", "api.anthropic.com", credential=X_API_KEY),
    providers.provider("gemini", "gemini", "generativelanguage.googleapis.com", credential=GOOG),
    providers.provider("bedrock", "bedrock", "bedrock-runtime.us-east-1.amazonaws.com", credential=AWS),
    providers.provider(
        "chain", "bedrock", "bedrock-runtime.us-east-1.amazonaws.com", credential=Credential("aws_chain")
    ),
)
SIGNATURE = ("authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token")
ORIGINAL = OriginalRequest("application/json", "sk-own")
PSEUDO = ((":method", b"POST"), (":path", b"/evil"), (":authority", b"gw"), (":scheme", b"http"))
FORBIDDEN = (
    "authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key", "x-amz-date",
    "x-amz-security-token", "x-amz-content-sha256", "x-extproc-team", "x-extproc-ctl-retry", "x-envoy-attempt-count",
    "x-forwarded-for", "x-forwarded-proto", "accept-encoding", "anthropic-version",
    "openai-organization",
    "x-stainless-os", "x-internal-secret", "referer", "content-encoding", "te",
)  # fmt: skip
ALLOWED = (*names.FORWARDED_HEADERS, "x-request-id", "content-length", "transfer-encoding")


def applied(present: Headers, edit: HeaderEdit) -> dict[str, str]:
    """As Envoy does it: removals, then sets."""
    after = {name: value.decode("latin-1") for name, value in present.pairs if name not in edit.remove}
    return after | dict(edit.set)


@given(
    st.lists(st.tuples(st.sampled_from(FORBIDDEN + ALLOWED) | st.text("abcxyz-", min_size=1), st.binary(max_size=5))),
    st.sampled_from(KINDS),
    st.none() | st.integers(0, 10**7),
)
def test_no_header_survives_that_the_provider_may_not_see(
    pairs: list[tuple[str, bytes]], provider: Provider, length: int | None
) -> None:
    present = Headers((*PSEUDO, *pairs))
    after = applied(present, attempt_headers(present, REQUEST, provider, ORIGINAL, length))
    own = {provider.credential.header} if provider.credential.kind == "caller" else set()
    assert {name for name in after if not name.startswith(":")} <= set(ALLOWED) | own | {"accept-encoding"}
    assert after["accept-encoding"] == "identity"
    assert after.get("authorization") == ("Bearer sk-own" if own else None)
    assert (after[":path"], after[":authority"], after[":scheme"]) == (
        "/v1/chat/completions",
        provider.authority,
        "http",
    )
    assert not (length is not None and "transfer-encoding" in after)


@pytest.mark.parametrize("provider", EVERY, ids=lambda provider: provider.name)
def test_envoys_request_id_stays_because_the_record_of_an_attempt_is_known_by_it(provider: Provider) -> None:
    present = Headers((*PSEUDO, ("x-request-id", b"92a70b33")))
    after = applied(present, attempt_headers(present, REQUEST, provider, ORIGINAL, 2))
    assert after["x-request-id"] == "92a70b33"


@given(st.permutations(KINDS))
def test_along_a_plan_each_attempt_looks_as_if_it_were_the_only_one(order: list[Provider]) -> None:
    """Envoy keeps what one attempt set for the next; here its credential filter sets one too."""
    dressed = [dataclasses.replace(each, headers={f"X-For-{each.name}": "1", "X-Title": each.name}) for each in order]
    first = Headers((*PSEUDO, ("accept", b"*/*"), ("authorization", b"Bearer caller"), ("content-length", b"9")))
    present = first
    for provider in dressed:
        edit = attempt_headers(present, REQUEST, provider, ORIGINAL, len(provider.name))
        after = applied(present, edit)
        assert after == applied(first, attempt_headers(first, REQUEST, provider, ORIGINAL, len(provider.name)))
        if provider.credential.kind == "injected":
            after[provider.credential.header] = f"secret of {provider.name}"
        elif provider.credential.kind.startswith("aws_"):
            after |= dict.fromkeys(SIGNATURE, f"signature of {provider.name}")
        present = Headers(tuple((name, value.encode()) for name, value in after.items()))


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (OPENAI, {":authority": "api.openai.com"}),
        (OPENROUTER, {":authority": "openrouter.ai"}),
        (AZURE, {":authority": "x.openai.azure.com"}),
        (OLLAMA, {":authority": "127.0.0.1:11434"}),
        (CALLERS_KEY, {":authority": "api.openai.com", "authorization": "Bearer sk-own"}),
        (
            dataclasses.replace(AZURE, credential=Credential("caller", "api-key", "")),
            {":authority": "x.openai.azure.com", "api-key": "sk-own"},
        ),
        (
            dataclasses.replace(
                OPENROUTER, headers={"HTTP-Referer": "https://a", "Content-Length": "1", ":path": "/x"}
            ),
            {":authority": "openrouter.ai", "http-referer": "https://a"},
        ),
    ],
)
def test_what_each_provider_is_told(provider: Provider, expected: dict[str, str]) -> None:
    """Address, configured headers, the caller's own credential in the provider's header."""
    edit = attempt_headers(Headers(PSEUDO), REQUEST, provider, ORIGINAL, None)
    common = {":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json"}
    common["accept-encoding"] = "identity"
    assert dict(edit.set) == common | expected and edit.remove == ()


def test_a_dialects_headers_win_over_the_callers_and_a_providers_over_both() -> None:
    request = dataclasses.replace(REQUEST, headers=(("Content-Type", "text/plain"), ("x-a", "dialect")))
    provider = dataclasses.replace(OPENAI, headers={"X-A": "provider"})
    told = dict(attempt_headers(Headers(PSEUDO), request, provider, ORIGINAL, None).set)
    assert (told["content-type"], told["x-a"]) == ("text/plain", "provider")


@pytest.mark.parametrize(
    ("length", "after"),
    [
        (None, {"content-length": "9", "transfer-encoding": "chunked"}),
        (12, {"content-length": "12"}),
        (0, {"content-length": "0"}),
    ],
)
def test_a_known_length_is_written_and_an_unknown_one_left_as_it_is(length: int | None, after: dict[str, str]) -> None:
    """So that no attempt inherits the length of another's body."""
    present = Headers((*PSEUDO, ("content-length", b"9"), ("transfer-encoding", b"chunked")))
    left = applied(present, attempt_headers(present, REQUEST, OPENAI, ORIGINAL, length))
    assert {name: value for name, value in left.items() if name in ("content-length", "transfer-encoding")} == after


def test_a_content_type_that_the_caller_did_not_send_goes() -> None:
    present = Headers((*PSEUDO, ("content-type", b"of/another-attempt")))
    assert attempt_headers(present, REQUEST, OPENAI, OriginalRequest(), None).remove == ("content-type",)


def test_without_a_credential_a_provider_that_takes_the_callers_gets_none() -> None:
    edit = attempt_headers(Headers(PSEUDO), REQUEST, CALLERS_KEY, OriginalRequest("application/json"), None)
    assert "authorization" not in dict(edit.set)


def test_secrets_do_not_show() -> None:
    assert "sk-own" not in repr(ORIGINAL)
