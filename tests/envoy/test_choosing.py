"""Who is asked, and with which bytes: names, headers and body fields choose; what need not change passes as it came."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.upstream import Upstream, always, scripted, whole

WEIGHTED_REQUESTS = 60
LAB_MODELS = [
    "small",
    "gpt-4*",
    {"name": "nick", "upstream": "real-name"},
    {"name": "ears", "endpoints": ["audio"]},
]
ANSWER = b'{"id":"x","object":"chat.completion","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'


@pytest.fixture(scope="module")
def azure() -> Iterator[Upstream]:
    with scripted(always(whole(ANSWER))) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(demos: dict[str, Demo], azure: Upstream) -> Iterator[Gateway]:
    azures = {"dialect": "azure_openai", "base_url": azure.origin, "credential": "azure-key"}
    config = {
        "providers": {
            "lab": demos["lab"].configured(models=LAB_MODELS),
            "other": demos["other"].configured(models=["small", "gpt-4o", "org/deep"]),
            "own": demos["third"].configured(credential="caller", models=["byok"]),
            "dated": {**azures, "api_version": "2024-10-21", "models": {"az-dated": "my-deployment"}},
            "current": {**azures, "api_version": "v1", "models": {"az-v1": "my-deployment"}},
        },
        "aliases": {"smart": ["other/gpt-4o", "lab/small"], "quick": {"provider": "lab", "model": "small"}},
        "strategies": {
            "drawn": {"kind": "weighted", "weights": {"lab": 3, "other": 1}},
            "only-other": {"kind": "weighted", "weights": {"lab": 0, "other": 1}},
            "turned": {"kind": "ordered", "targets": ["other/small", "lab/small"]},
        },
    }
    with running(config) as gateway:
        yield gateway


def ask(gateway: Gateway, content: dict[str, Any] | bytes, path: str = CHAT, **headers: str) -> httpx.Response:
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.post(gateway.url + path, content=sent, headers=named, trust_env=False, timeout=20)


def target(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.headers[names.TARGET])


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("smart", "other/gpt-4o"),
        ("quick", "lab/small"),
        ("gpt-4o", "other/gpt-4o"),
        ("gpt-4-turbo", "lab/gpt-4-turbo"),
        ("small", "lab/small"),
        ("other/small", "other/small"),
        ("other/org/deep", "other/org/deep"),
        ("org/deep", "other/org/deep"),
    ],
    ids=["alias", "alias as a map", "exact before glob", "glob", "order of the file", "target", "slashes", "listed"],
)
def test_a_name_chooses_its_target(gateway: Gateway, model: str, expected: str) -> None:
    """Alias, then exact name, then glob, then provider/model."""
    assert target(ask(gateway, body(model))) == expected


def test_an_alias_is_written_as_what_it_stands_for(gateway: Gateway, other: Demo) -> None:
    ask(gateway, body("smart"))
    assert json.loads(other.last()["body"])["model"] == "gpt-4o"


def test_a_model_that_nobody_serves_is_404_with_near_names(gateway: Gateway) -> None:
    answer = ask(gateway, body("smal"))
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["code"] == "model_not_found" and "small" in error["message"]


def test_provider_and_model_in_the_body(gateway: Gateway) -> None:
    assert target(ask(gateway, body("small", provider="other"))) == "other/small"


def test_headers_choose_and_stay_here(gateway: Gateway, other: Demo) -> None:
    answer = ask(gateway, body("gpt-4-turbo"), x_extproc_provider="other", x_extproc_model="small")
    assert target(answer) == "other/small"
    received = other.last()
    assert json.loads(received["body"])["model"] == "small"
    assert not [name for name in received["headers"] if name.startswith(names.PREFIX)]


def test_a_strategy_by_header_and_by_field(gateway: Gateway) -> None:
    assert target(ask(gateway, body("small"), x_extproc_strategy="turned")) == "other/small"
    assert target(ask(gateway, body("small", routing_strategy="turned"))) == "other/small"


def test_an_unknown_strategy_is_400_with_near_names(gateway: Gateway) -> None:
    answer = ask(gateway, body("small"), x_extproc_strategy="turnd")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unknown_strategy" and "turned" in answer.json()["error"]["message"]


def test_our_own_fields_never_reach_a_provider(gateway: Gateway, lab: Demo) -> None:
    own: dict[str, Any] = dict.fromkeys(names.OWN_FIELDS, "x") | {
        "provider": "lab",
        "routing_strategy": "ordered",
        "routing_preference": "ordered",
        "requirements": {"max_cost": 1},
        "fallback_enabled": True,
        "safety_required": False,
    }
    answer = ask(gateway, {**own, **body("small"), "temperature": 0.5})
    assert answer.status_code == 200, answer.text
    assert json.loads(lab.last()["body"]) == {**body("small"), "temperature": 0.5}


def test_an_object_called_provider_is_openrouters_and_passes(gateway: Gateway, lab: Demo) -> None:
    ask(gateway, body("small", provider={"order": ["a"]}))
    assert json.loads(lab.last()["body"])["provider"] == {"order": ["a"]}


ODD = (
    b'{ "x-unknown" : [1.0, 1e5, 12345678901234567890, "\\u00e9\\/" ] ,\n\t"model":"small",'
    b'"messages":[{"role":"user","content":"\xf0\x9f\x98\x80 \\ud83d\\ude00"}], "dup": 1, "dup": 2 }  '
)


def test_a_body_that_needs_no_change_passes_byte_for_byte(gateway: Gateway, lab: Demo) -> None:
    assert ask(gateway, ODD).status_code == 200
    assert lab.last()["body"].encode() == ODD


def test_only_the_models_bytes_change_where_a_target_has_another_name(gateway: Gateway, lab: Demo) -> None:
    assert ask(gateway, ODD.replace(b'"small"', b'"nick"')).status_code == 200
    assert lab.last()["body"].encode() == ODD.replace(b'"small"', b'"real-name"')


def test_the_path_without_v1_and_the_query_go_upstream_as_the_vendor_wants(gateway: Gateway, lab: Demo) -> None:
    assert target(ask(gateway, body("small"), path="/chat/completions?x=1&y=%20")) == "lab/small"
    assert (lab.last()["path"], lab.last()["query"]) == (CHAT, "x=1&y=%20")


def test_a_callers_own_key_goes_to_the_provider_that_takes_it(gateway: Gateway, third: Demo) -> None:
    assert target(ask(gateway, body("byok"), authorization=f"Bearer {third.key}")) == "own/byok"
    assert third.last()["headers"]["authorization"] == f"Bearer {third.key}"


def test_a_provider_for_the_callers_own_key_without_one_is_401(gateway: Gateway, third: Demo) -> None:
    answer = ask(gateway, body("byok"))
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "caller_credential_missing"
    assert third.received() == []


def test_azure_in_the_dated_form(gateway: Gateway, azure: Upstream) -> None:
    assert target(ask(gateway, body("az-dated"))) == "dated/az-dated"
    asked = azure.asked[-1]
    assert asked.path == "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
    assert asked.headers["api-key"] == "azure-key" and "authorization" not in asked.headers


def test_azure_in_the_v1_form(gateway: Gateway, azure: Upstream) -> None:
    assert target(ask(gateway, body("az-v1"))) == "current/az-v1"
    asked = azure.asked[-1]
    assert asked.path.split("?")[0] == "/openai/v1/chat/completions"
    assert asked.headers["api-key"] == "azure-key" and "authorization" not in asked.headers
    assert json.loads(asked.body)["model"] == "my-deployment"


def test_weights_draw_and_zero_is_never_drawn(gateway: Gateway) -> None:
    """Three to one over 60 requests: fewer than half at the heavier one happens once in a hundred thousand runs."""
    drawn = Counter(target(ask(gateway, body("small"), x_extproc_strategy="drawn")) for _ in range(WEIGHTED_REQUESTS))
    assert drawn["lab/small"] > WEIGHTED_REQUESTS / 2 > drawn["other/small"] > 0, drawn
    never = Counter(target(ask(gateway, body("small"), x_extproc_strategy="only-other")) for _ in range(20))
    assert set(never) == {"other/small"}


def test_the_reason_is_told_when_asked_for(gateway: Gateway) -> None:
    assert names.REASON not in ask(gateway, body("small")).headers
    assert ask(gateway, body("small"), x_extproc_explain="true").headers[names.REASON]


def test_multipart_passes_untouched_with_its_model_from_a_header(gateway: Gateway, lab: Demo) -> None:
    content = b"--b\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n--b\r\n"
    content += b'content-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + bytes(range(256))
    content += b"\r\n--b--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=b", names.PROVIDER: "lab", names.MODEL: "ears"}
    answer = httpx.post(f"{gateway.url}/v1/audio/transcriptions", content=content, headers=headers, trust_env=False)
    received = lab.last()
    assert base64.b64decode(received["body_base64"]) == content, answer.text
    assert received["headers"]["content-type"] == "multipart/form-data; boundary=b"


def test_models_are_listed_by_the_gateway(gateway: Gateway) -> None:
    listed = {each["id"] for each in httpx.get(f"{gateway.url}/v1/models", trust_env=False).json()["data"]}
    assert {"smart", "quick", "small", "gpt-4o", "org/deep", "nick"} <= listed
    assert not [name for name in listed if "*" in name]
    one = httpx.get(f"{gateway.url}/v1/models/org/deep", trust_env=False)
    assert one.status_code == 200 and one.json()["id"] == "org/deep"
    missing = httpx.get(f"{gateway.url}/v1/models/none", trust_env=False)
    assert missing.status_code == 404 and missing.json()["error"]["code"] == "model_not_found"
