"""A real llama.cpp server behind the gateway: real tokens, a real tokenizer's counts, its own errors."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, body, events
from tests.envoy.gateway import Gateway, running
from tests.llama.running import KEY, WORD
from tests.sdk.environments import OPENAI2, OPENAI3, Environment

HERE = Path(__file__).parent
SPELLED = len(WORD) + 1  # a token for each letter, and the end


@pytest.fixture(scope="module")
def gateway(llama: str) -> Iterator[Gateway]:
    config = {
        "providers": {
            "local": {
                "dialect": "openai",
                "base_url": f"{llama}/v1",
                "credential": KEY,
                "models": [{"name": "small", "upstream": "one-word", "endpoints": ["chat", "completions"]}],
            },
            "unkeyed": {"dialect": "openai", "base_url": f"{llama}/v1", "models": ["locked"]},
        },
        "routes": [
            {"match": {"path": "/v1/*", "headers": {"x-usage": "exact"}}, "usage": "exact"},
            {"match": {"path": "/v1/*"}},
        ],
    }
    with running(config) as gateway:
        yield gateway


def ask(gateway: Gateway, usage: str = "as_sent", **more: Any) -> httpx.Response:
    content = body("small", temperature=0, **more)
    return httpx.post(gateway.url + CHAT, json=content, headers={"x-usage": usage}, trust_env=False, timeout=60)


def test_a_whole_answer_and_its_tokens(gateway: Gateway) -> None:
    answer = ask(gateway)
    said = answer.json()
    assert answer.status_code == 200, answer.text
    assert said["choices"][0]["message"]["content"] == WORD and said["choices"][0]["finish_reason"] == "stop"
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    assert line["usage"]["output"] == said["usage"]["completion_tokens"] == SPELLED
    assert line["usage"]["input"] == said["usage"]["prompt_tokens"] and line["target"] == "local/small"


@pytest.mark.parametrize("usage", ["as_sent", "exact"])
def test_a_stream_of_real_tokens(gateway: Gateway, usage: str) -> None:
    answer = ask(gateway, usage, stream=True)
    said = events(answer.text)
    assert said[-1] == "[DONE]"
    pieces = [each["choices"][0]["delta"].get("content") or "" for each in said[:-1] if each["choices"]]
    assert "".join(pieces) == WORD and len([piece for piece in pieces if piece]) > 5
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    assert line["usage"]["estimated"] is (usage == "as_sent")
    if usage == "exact":
        assert line["usage"]["output"] == SPELLED
        assert not [each for each in said[:-1] if not each["choices"]], "the hidden chunk was seen"


def test_a_cap_is_the_models_own(gateway: Gateway) -> None:
    choice = ask(gateway, max_tokens=5).json()["choices"][0]
    assert choice["message"]["content"] == WORD[:5] and choice["finish_reason"] == "length"


def test_a_plain_completion(gateway: Gateway) -> None:
    content = {"model": "small", "prompt": "un", "temperature": 0, "max_tokens": 40}
    answer = httpx.post(f"{gateway.url}/v1/completions", json=content, trust_env=False, timeout=60)
    assert answer.status_code == 200 and answer.json()["choices"][0]["text"] == WORD[2:]


def test_its_own_errors_are_told(gateway: Gateway) -> None:
    """A wrong request is llama.cpp's to refuse; a missing key shows that ours is not sent where it does not belong, and
    is no fault of the caller's."""
    wrong = httpx.post(gateway.url + CHAT, json={"model": "small", "messages": "x"}, trust_env=False, timeout=60)
    assert 400 <= wrong.status_code <= 500 and wrong.json()["error"]["message"]
    locked = httpx.post(gateway.url + CHAT, json=body("locked"), trust_env=False, timeout=60)
    assert (locked.status_code, locked.json()["error"]["code"]) == (502, "upstream_auth")


SCRIPT = """
import sys, openai
c = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
ask = dict(model="small", messages=[{"role": "user", "content": "hello"}], temperature=0)
assert c.chat.completions.create(**ask).choices[0].message.content == sys.argv[2]
chunks = list(c.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
assert "".join(x.choices[0].delta.content or "" for x in chunks if x.choices) == sys.argv[2]
assert chunks[-1].usage.completion_tokens == int(sys.argv[3])
"""


@pytest.mark.sdk
@pytest.mark.parametrize("generation", [OPENAI2, OPENAI3], ids=lambda each: each.name)
def test_the_official_client(gateway: Gateway, generation: Environment) -> None:
    if why := generation.why_missing():
        pytest.skip(why)
    arguments = [f"{gateway.url}/v1", WORD, str(SPELLED)]
    command = [str(generation.python), "-c", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=HERE)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_lines_hold_no_prompt(gateway: Gateway) -> None:
    ask(gateway)
    assert "hello" not in json.dumps(gateway.lines("exchange"))
