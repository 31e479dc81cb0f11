"""Whose key goes where: a provider sees its own credential and nobody else's, whatever was sent and tried before."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import Asked, Upstream, always, scripted, whole

CANARY = "canary-of-the-client"
CLIENTS = {
    "authorization": f"Bearer {CANARY}-1",
    "x-api-key": f"{CANARY}-2",
    "api-key": f"{CANARY}-3",
    "cookie": f"session={CANARY}-4",
    "x-goog-api-key": f"{CANARY}-5",
    "x-amz-security-token": f"{CANARY}-6",
    "x-amz-date": f"{CANARY}-7",
    "proxy-authorization": f"Basic {CANARY}-8",
    "x-extproc-team": f"{CANARY}-9",
    "x-extproc-ctl-retry": f"{CANARY}-10",
    "x-extproc-anything": f"{CANARY}-11",
    "x-forwarded-authorization": f"{CANARY}-12",
    "openai-organization": f"{CANARY}-13",
    "x-unknown": f"{CANARY}-14",
    "x-envoy-original-path": f"/{CANARY}-15",
    "x-amz-content-sha256": f"{CANARY}-16",
}
SECRETS = {
    "first": "secret-of-first",
    "second": "secret-of-second",
    "azure": "secret-of-azure",
    "entra": "token-of-entra",
    "last": "of-last",
}
AWS_PROFILE = (
    "[work]\naws_access_key_id=AKID{0}\naws_secret_access_key=secret-of-aws-{0}\naws_session_token=token-{0}\n"
)
REFUSED = whole(b'{"error":{"message":"no"}}', 503)
FINE = whole(b'{"choices":[]}')


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(scripted(always(FINE if name == "last" else REFUSED))) for name in SECRETS}


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secrets") / "key"
    file.write_text("old-key\n")
    return file


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("aws") / "credentials"
    file.write_text(AWS_PROFILE.format("OLD"))
    return file


@pytest.fixture(scope="module")
def keyed() -> Iterator[Upstream]:
    with scripted(always(FINE)) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(
    upstreams: dict[str, Upstream], demos: dict[str, Demo], rotated: Path, keyed: Upstream, profiles: Path
) -> Iterator[Gateway]:
    patient = {"circuit_breaker": {"failure_threshold": 10_000}}
    providers = {
        name: {"dialect": "openai", "base_url": f"{each.origin}/v1", "credential": SECRETS[name], **patient}
        for name, each in upstreams.items()
        if name not in ("azure", "entra")
    }
    providers["first"]["headers"] = {"x-of-first": "header-of-first"}
    azure = {
        name: {"dialect": "azure_openai", "base_url": upstreams[name].origin, "api_version": "2024-10-21", **patient}
        for name in ("azure", "entra")
    }
    config = {
        "providers": {
            **providers,
            "azure": {**azure["azure"], "credential": SECRETS["azure"]},
            "entra": {**azure["entra"], "credential": {"value": SECRETS["entra"], "as": "bearer"}},
            "aws": {"dialect": "bedrock", "region": "us-east-1", "credential": {"aws": "work"}, "models": ["nova"]},
            "bare": {"dialect": "openai", "base_url": f"{upstreams['last'].origin}/v1"},
            "rotating": {
                "dialect": "openai",
                "base_url": f"{keyed.origin}/v1",
                "credential": {"file": str(rotated)},
            },
            "lab": demos["lab"].configured(),
        },
        "aliases": {
            "walk": ["first/m", "azure/m", "entra/m", "second/m", "last/m"],
            "to-bare": ["first/m", "azure/m", "bare/m"],
            "rotating": ["rotating/m"],
        },
        "failover": {"max_attempts": 5},
    }
    with running(config, more_environment={"AWS_SHARED_CREDENTIALS_FILE": str(profiles)}) as gateway:
        yield gateway


def ask(gateway: Gateway, model: str, stream: bool = False) -> httpx.Response:
    content = body(model, stream=stream, team=f"{CANARY}-field")
    return httpx.post(gateway.url + CHAT, json=content, headers=CLIENTS, trust_env=False, timeout=20)


def seen(asked: Asked) -> str:
    return json.dumps([asked.path, asked.raw_headers, asked.body.decode()])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ["walk", "to-bare"])
def test_every_attempt_carries_its_own_credential_only(
    gateway: Gateway, upstreams: dict[str, Upstream], model: str, stream: bool
) -> None:
    """Five attempts of one request: each request that arrived anywhere is searched for all canaries and all keys."""
    for upstream in upstreams.values():
        upstream.asked.clear()
    answer = ask(gateway, model, stream)
    assert answer.status_code == 200, answer.text
    for name, upstream in upstreams.items():
        for asked in upstream.asked:
            text = seen(asked)
            assert CANARY not in text, f"the client's own reached {name}: {text}"
            foreign = [secret for owner, secret in SECRETS.items() if owner != name and secret in text]
            assert not foreign, f"a credential of another attempt reached {name}: {text}"
            assert not [header for header in asked.headers if header.startswith((names.PREFIX, names.ENVOY_PREFIX))]
    assert upstreams["first"].asked[0].headers["authorization"] == f"Bearer {SECRETS['first']}"
    assert upstreams["azure"].asked[0].headers["api-key"] == SECRETS["azure"]
    assert "x-of-first" not in upstreams["azure"].asked[0].headers
    if model == "walk":
        entra = upstreams["entra"].asked[0].headers
        assert entra["authorization"] == f"Bearer {SECRETS['entra']}" and "api-key" not in entra
    last = upstreams["last"].asked[0].headers
    assert last.get("authorization") == (f"Bearer {SECRETS['last']}" if model == "walk" else None)
    assert "x-of-first" not in last and "api-key" not in last


def test_each_attempt_has_its_own_address(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    for upstream in upstreams.values():
        upstream.asked.clear()
    azures = ("azure", "entra")
    ask(gateway, "walk")
    for name, upstream in upstreams.items():
        assert len(upstream.asked) == 1
        asked = upstream.asked[0]
        assert asked.headers["host"] == upstream.origin.removeprefix("http://")
        expected = "/openai/deployments/m/chat/completions?api-version=2024-10-21" if name in azures else CHAT
        assert asked.path == expected


def test_no_secret_of_anyone_stands_in_a_log_or_a_metric(gateway: Gateway) -> None:
    answer = ask(gateway, "walk")
    gateway.decision(answer.headers[names.REQUEST_ID])
    said = gateway.out.text() + gateway.err.text() + gateway.metrics()
    for secret in (*SECRETS.values(), "secret-of-aws", f"{CANARY}-1", f"{CANARY}-2", f"{CANARY}-3", f"{CANARY}-4"):
        assert secret not in said
    assert "hello" not in said, "a prompt is in a log"


def test_an_answer_does_not_tell_a_credential(gateway: Gateway) -> None:
    answer = ask(gateway, "walk")
    assert not [secret for secret in SECRETS.values() if secret in repr(answer.headers) + answer.text]


def test_a_secret_file_rotates_without_a_restart(gateway: Gateway, keyed: Upstream, rotated: Path) -> None:
    pids = gateway.processor_pid, gateway.envoy_pid

    def key() -> str:
        assert ask(gateway, "rotating").status_code == 200
        return keyed.asked[-1].headers["authorization"]

    assert key() == "Bearer old-key"
    new = rotated.with_suffix(".new")
    new.write_text("new-key\n")
    new.replace(rotated)
    eventually(lambda: key() == "Bearer new-key", "the new key")
    assert (gateway.processor_pid, gateway.envoy_pid) == pids


def test_a_changed_profile_of_aws_is_what_envoy_reads_next(gateway: Gateway, profiles: Path) -> None:
    """A file in AWS's own form, in the private directory, with that profile's keys and nothing else."""
    (keys,) = [path for path in gateway.runs.rglob("*.aws") if path.is_file()]
    assert keys.read_text() == AWS_PROFILE.format("OLD").replace("[work]", "[default]")
    profiles.write_text("[other]\naws_access_key_id=x\n" + AWS_PROFILE.format("NEW"))  # in place, as AWS's tools do
    new = AWS_PROFILE.format("NEW").replace("[work]", "[default]")
    eventually(lambda: keys.read_text() == new, "the new keys")
    assert gateway.status()["config"]["error"] is None


@pytest.mark.parametrize("secret", [SECRETS["first"], SECRETS["entra"], "secret-of-aws"])
def test_credentials_on_disk_are_for_their_owner_only(gateway: Gateway, secret: str) -> None:
    holding = [path for path in gateway.runs.rglob("*") if path.is_file() and _holds(path, secret)]
    assert holding, "the test looked in the wrong place"
    assert {path.parent.name for path in holding} == {"s"}
    for path in holding:
        above = [parent for parent in path.parents if parent.is_relative_to(gateway.runs) and parent != gateway.runs]
        assert any(parent.stat().st_mode & 0o077 == 0 for parent in above), path


def _holds(path: Path, secret: str) -> bool:
    content = path.read_bytes()
    return secret.encode() in content or base64.b64encode(secret.encode()) in content


# --- callers ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed(demos: dict[str, Demo]) -> Iterator[Gateway]:
    callers = [
        {"name": "app", "key": "key-of-app", "labels": {"team": "red"}},
        {"name": "narrow", "key": "key-of-narrow", "models": ["small*"]},
    ]
    config = {"providers": {"lab": demos["lab"].configured(models=["small", "big"])}, "callers": callers}
    with running(config) as gateway:
        yield gateway


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic key-of-app"}, {"x-api-key": ""}],
    ids=["none", "wrong", "another scheme", "empty"],
)
def test_without_a_callers_key_nothing_goes_upstream(closed: Gateway, lab: Demo, headers: dict[str, str]) -> None:
    answer = httpx.post(closed.url + CHAT, json=body("small"), headers=headers, trust_env=False)
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "invalid_api_key"
    assert lab.received() == []


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key", "x-goog-api-key"])
def test_a_callers_key_opens_and_stays_here(closed: Gateway, lab: Demo, header: str) -> None:
    value = "Bearer key-of-app" if header == "authorization" else "key-of-app"
    answer = httpx.post(closed.url + CHAT, json=body("small"), headers={header: value}, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert "key-of-app" not in json.dumps(lab.last())
    line = closed.decision(answer.headers[names.REQUEST_ID])
    assert line["caller"] == "app" and line["labels"]["team"] == "red"


def test_a_caller_uses_only_what_it_may(closed: Gateway, lab: Demo) -> None:
    headers = {"authorization": "Bearer key-of-narrow"}
    answer = httpx.post(closed.url + CHAT, json=body("big"), headers=headers, trust_env=False)
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "model_not_allowed"
    assert lab.received() == []
    listed = httpx.get(f"{closed.url}/v1/models", headers=headers, trust_env=False).json()["data"]
    assert [each["id"] for each in listed] == ["small"]
