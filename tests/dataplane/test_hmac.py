"""Signed upstreams through a real Envoy: what arrives is verified over the bytes that arrived."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc import names
from extproc.config.compile import Compiled
from extproc.signing import HEADERS, Invalid, Nonces, verify
from tests.dataplane.supervised import Supervised, compiled, supervised
from tests.envoy.test_trailers import DATA, END_STREAM, SETTINGS, answer_to, frame, line
from tests.envoy.test_trailers import END_HEADERS as HEADERS_END
from tests.envoy.test_trailers import HEADERS as HEADERS_FRAME
from tests.envoy.upstream import Asked, Upstream, always, scripted, whole

pytestmark = pytest.mark.envoy

SECRET_A, SECRET_B = "secret-of-a", "secret-of-b"
CHAT = "/v1/chat/completions"
FINE = whole(b'{"id":"x","object":"chat.completion","choices":[]}')
STREAM = whole(b'data: {"choices":[]}\n\ndata: [DONE]\n\n', 200, "text/event-stream")
DOWN = whole(b'{"error":{"message":"no"}}', 503)
CONFIG = """
providers:
  a:
    dialect: openai
    base_url: "{a}/base/v1"
    credential: key-of-a
    sign: {{hmac: {{secret: {secret}}}}}
    models: [m, {{name: listen, endpoints: [audio]}}]
  b: {{dialect: ollama, base_url: "{b}", models: [m], sign: {{hmac: {{secret: secret-of-b}}}}}}
  c: {{dialect: openai, base_url: "{c}/v1", credential: key-of-c, models: [m, big]}}
  v2:
    dialect: openai
    base_url: "{v2}"
    models: {{second: deployed}}
    sign: {{hmac: {{secret: secret-of-v2, scheme: v2}}}}
aliases: {{all: [a/m, b/m, c/m]}}
routes: [{{name: exact, match: {{headers: {{x-exact: "1"}}}}, usage: exact}}, {{name: main}}]
"""
HELLO = [{"role": "user", "content": "hello"}]
FORGED = {"x-timestamp": "1", "x-signature": "ff", "X-Auth-Type": "hmac-sha256", "x-nonce": "of-the-caller"}


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(scripted(always(FINE))) for name in ("a", "b", "c", "v2")}


def configuration(upstreams: dict[str, Upstream], secret: str = SECRET_A) -> Compiled:
    return compiled(CONFIG.format(secret=secret, **{name: one.origin for name, one in upstreams.items()}))


@pytest.fixture(scope="module")
def running(upstreams: dict[str, Upstream]) -> Iterator[Supervised]:
    with supervised(configuration(upstreams)) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Supervised, upstreams: dict[str, Upstream]) -> Supervised:
    for one in upstreams.values():
        one.asked.clear()
        one.script = always(FINE)
    return running


def reason(asked: Asked, *secrets: str, **options: Any) -> Invalid | None:
    path, _, query = asked.path.partition("?")
    keys = [secret.encode() for secret in secrets]
    return verify(keys, asked.raw_headers, asked.method, path, query, asked.body, time.time(), **options)


def shown(asked: Asked) -> list[str]:
    return [name for name, _ in asked.raw_headers if name in HEADERS]


BODIES = {
    "small": {"model": "m", "messages": []},
    "utf-8": {"model": "m", "messages": [{"role": "user", "content": "Grüße, 世界 🎉"}]},
    "12 MB": {"model": "m", "messages": [{"role": "user", "content": "x" * 12_000_000}]},
    "changed": {"model": "a/m", "messages": [], "team": "blue"},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_arrives_is_what_was_signed(
    gateway: Supervised, upstreams: dict[str, Upstream], body: dict[str, Any]
) -> None:
    text = json.dumps(body, ensure_ascii=False)
    with gateway.client() as client:
        answer = client.post(f"{CHAT}?x=1", content=text.encode(), headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    (asked,) = upstreams["a"].asked
    assert asked.path == f"/base{CHAT}?x=1"
    assert asked.headers["authorization"] == "Bearer key-of-a"
    if body["model"] == "m":
        assert asked.body == text.encode()
    else:
        assert json.loads(asked.body) == {"model": "m", "messages": []}
    assert reason(asked, SECRET_A, schemes=("v1",)) is None
    assert reason(asked, SECRET_B) is Invalid.SIGNATURE_DIFFERS


def test_a_translated_request_is_signed_as_it_is_sent(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    with gateway.client() as client:
        client.post(CHAT, json={"model": "b/m", "messages": [{"role": "user", "content": "Grüße"}], "max_tokens": 5})
    (asked,) = upstreams["b"].asked
    assert asked.path == "/api/chat" and "options" in json.loads(asked.body)
    assert reason(asked, SECRET_B) is None
    assert "secret" not in str(asked.raw_headers)


def test_a_stream_whose_usage_is_asked_for_is_signed_with_the_question(
    gateway: Supervised, upstreams: dict[str, Upstream]
) -> None:
    upstreams["a"].script = always(STREAM)
    with gateway.client() as client:
        answer = client.post(CHAT, json={"model": "a/m", "messages": [], "stream": True}, headers={"x-exact": "1"})
    assert answer.status_code == 200 and answer.text.endswith("[DONE]\n\n")
    (asked,) = upstreams["a"].asked
    assert json.loads(asked.body)["stream_options"] == {"include_usage": True}
    assert reason(asked, SECRET_A) is None


def test_along_a_plan_each_gets_its_own_signature_and_an_unsigned_provider_none(
    gateway: Supervised, upstreams: dict[str, Upstream]
) -> None:
    upstreams["a"].script = upstreams["b"].script = always(DOWN)
    with gateway.client() as client:
        answer = client.post(CHAT, json={"model": "all", "messages": HELLO}, headers=FORGED)
    assert answer.headers[names.TARGET] == "c/m"
    (first,), (second,), (third,) = (upstreams[name].asked for name in "abc")
    assert (reason(first, SECRET_A), reason(second, SECRET_B)) == (None, None)
    assert first.headers["x-signature"] != second.headers["x-signature"]
    assert shown(first) == ["x-timestamp", "x-signature", "x-auth-type"]
    assert shown(third) == []


def test_v2_signs_query_and_nonce_and_a_retry_has_another(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    guard = Nonces(time.time)
    with gateway.client() as client:
        for _ in range(3):
            client.post(f"{CHAT}?a=%2F&b", json={"model": "second", "messages": []}, headers=FORGED)
    assert len(upstreams["v2"].asked) == 3
    for asked in upstreams["v2"].asked:
        assert json.loads(asked.body)["model"] == "deployed"
        assert reason(asked, "secret-of-v2", schemes=("v2",), seen_nonce=guard.seen) is None
        assert reason(asked, "secret-of-v2", seen_nonce=guard.seen) is Invalid.NONCE_SEEN


PART = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
ODD_PATHS = ["/v1/audio/a%20b", "/v1/audio/gr%C3%BC%C3%9Fe", "/v1/audio/a+b", "/v1/audio/a%2520b", "/v1/audio/x;y=1,~!"]


@pytest.mark.parametrize("path", ODD_PATHS)
@pytest.mark.parametrize("size", [0, 5_000_000])
def test_an_upload_is_read_to_be_signed(
    gateway: Supervised, upstreams: dict[str, Upstream], path: str, size: int
) -> None:
    """With a length and without; the path as odd as the edge lets it pass."""
    sent = PART.encode() + b"\x00\xff" * (size // 2) + b"\r\n--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x", names.MODEL: "a/listen"}
    with gateway.client() as client:
        for content in (sent, iter([sent[:100], sent[100:]])):
            assert client.post(f"{path}?q=1", content=content, headers=headers).status_code == 200
    for asked in upstreams["a"].asked:
        assert (asked.body, asked.path) == (sent, f"/base{path}?q=1")
        assert reason(asked, SECRET_A) is None
    assert len(upstreams["a"].asked) == 2


def test_an_upload_of_nothing_is_signed(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x", names.MODEL: "a/listen"}
    with gateway.client() as client:
        assert client.post("/v1/audio/x", headers=headers).status_code == 200
        assert client.post("/v1/audio/x", headers=headers, content=iter([])).status_code == 200
    assert [asked.body for asked in upstreams["a"].asked] == [b"", b""]
    assert [reason(asked, SECRET_A) for asked in upstreams["a"].asked] == [None, None]


def test_what_is_larger_than_can_be_read_is_never_sent_unsigned(
    gateway: Supervised, upstreams: dict[str, Upstream]
) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x", names.MODEL: "a/listen"}
    with gateway.client() as client:
        answer = client.post("/v1/audio/x", headers=headers, content=b"x" * 40_000_000)
    assert answer.status_code == 413, answer.text[:300]
    assert [reason(asked, SECRET_A) for asked in upstreams["a"].asked] in ([], [None])


@pytest.mark.parametrize("data", [b"", b"hello"])
def test_trailers_behind_an_upload_change_nothing(
    gateway: Supervised, upstreams: dict[str, Upstream], data: bytes
) -> None:
    head = {":method": "POST", ":scheme": "http", ":path": "/v1/audio/x", ":authority": "x", names.MODEL: "a/listen"}
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
    sent += frame(HEADERS_FRAME, HEADERS_END, 1, b"".join(line(*pair) for pair in head.items()))
    sent += frame(DATA, 0, 1, data) if data else b""
    sent += frame(HEADERS_FRAME, HEADERS_END | END_STREAM, 1, line("x-checksum", "1"))
    answer_to(gateway.listening.port, sent)
    (asked,) = upstreams["a"].asked
    assert (asked.body, asked.path) == (data, "/base/v1/audio/x")
    assert reason(asked, SECRET_A) is None


# --- the keyring -----------------------------------------------------------------------------------------------------


def test_the_secret_is_in_a_private_file_and_nowhere_else(gateway: Supervised) -> None:
    run = gateway.run
    files = {file.name: file for file in run.keys.iterdir()}
    assert {name.rpartition(".")[0] for name in files} == {"sign.a", "sign.b", "sign.v2"}
    assert run.keys.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
    others = [file for file in run.root.rglob("*") if file.is_file() and file.parent != run.keys]
    assert others and not [file for file in others if b"secret-of-" in file.read_bytes()]
    told = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert str(run.keys) in told and "secret-of-" not in told
    pid = gateway.done(gateway.supervisor.ready())["processors"][0]["pid"]  # type: ignore[index]
    assert b"secret-of-" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert "secret-of-" not in gateway.metrics()


@contextlib.contextmanager
def load(gateway: Supervised) -> Iterator[list[int]]:
    """Four callers at once; the statuses that they get."""
    statuses: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        with gateway.client() as client:
            while not stop.is_set():
                statuses.append(client.post(CHAT, json={"model": "a/m", "messages": []}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def test_a_secret_rotates_under_load_without_a_failure(upstreams: dict[str, Upstream]) -> None:
    """And one that is gone refuses, rather than send anything unsigned."""
    with supervised(configuration(upstreams)) as gateway:
        upstreams["a"].asked.clear()
        upstreams["a"].script = always(FINE)
        with load(gateway) as statuses:
            for number in range(8):
                time.sleep(0.1)
                gateway.change(configuration(upstreams, f"secret-{number % 2}"))
            time.sleep(0.2)
        assert set(statuses) == {200}
        asked = list(upstreams["a"].asked)
        assert len(asked) == len(statuses)
        assert {reason(one, SECRET_A, "secret-0", "secret-1") for one in asked} == {None}
        assert reason(asked[-1], "secret-1") is None
        assert {reason(one, "secret-0") for one in asked} == {None, Invalid.SIGNATURE_DIFFERS}
        next(gateway.run.keys.glob("sign.a.*")).unlink()
        answer = httpx.post(gateway.url + CHAT, json={"model": "a/m", "messages": []}, trust_env=False)
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "signing_secret_missing")
        assert len(upstreams["a"].asked) == len(asked)


def test_who_moves_gets_the_secret_of_where_it_is_now(upstreams: dict[str, Upstream]) -> None:
    """The old place, and what is still on its way there, never see a signature made with the new one."""
    for one in upstreams.values():
        one.script = always(FINE)
        one.asked.clear()
    places = [{**upstreams, "a": upstreams[name]} for name in ("a", "v2")]
    with supervised(configuration(places[0], "secret-0")) as gateway:
        with load(gateway) as statuses:
            for number in (1, 0, 1):
                time.sleep(0.2)
                gateway.change(configuration(places[number], f"secret-{number}"))
            time.sleep(0.2)
        assert set(statuses) == {200}
        for name, secret in (("a", "secret-0"), ("v2", "secret-1")):
            assert upstreams[name].asked and {reason(one, secret) for one in upstreams[name].asked} == {None}
