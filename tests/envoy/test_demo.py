"""`extproc up` without a file and without a key: what a newcomer sees in the first five minutes."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, body, events
from tests.envoy.gateway import environment, free_port
from tests.envoy.processes import eventually

TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    port, admin = free_port(), free_port()
    command = [sys.executable, "-m", "extproc", "up", "--port", str(port), "--admin-port", str(admin)]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd=tmp_path_factory.mktemp("nothing"),
        env=environment(),
    ) as process:
        try:
            eventually(lambda: _is_ready(admin), "the demo's readyz", 40)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
                yield client
        finally:
            process.terminate()
            assert process.wait(15) == 0


def _is_ready(admin: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{admin}/readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def ask(newcomer: httpx.Client, model: str, **more: Any) -> httpx.Response:
    answer = newcomer.post(CHAT, json=body(model, **more))
    assert answer.status_code == 200, answer.text
    return answer


def test_the_first_request_fails_over_and_the_program_sees_nothing_of_it(newcomer: httpx.Client) -> None:
    """The first of a fresh start, as the README shows it; so this is the first test here."""
    first = ask(newcomer, "demo-failover")
    assert (first.headers[names.TARGET], first.headers[names.ATTEMPTS]) == ("thrifty/demo-chat", "2")
    for _ in range(3):
        assert ask(newcomer, "demo-failover").json()["choices"][0]["message"]["content"]


def test_another_dialect_is_spoken_and_the_program_sees_nothing_of_it(newcomer: httpx.Client) -> None:
    answer = ask(newcomer, "demo-translated", temperature=0.5, stop=["million"], max_tokens=200)
    assert answer.headers[names.TARGET] == "sage/demo-chat"
    said = answer.json()
    assert said["object"] == "chat.completion" and said["choices"][0]["finish_reason"] == "stop"
    assert said["choices"][0]["message"]["content"].startswith("Hello from sage, answering as demo-chat.")
    assert said["usage"]["completion_tokens"] > 0 and said["usage"]["prompt_tokens"] > 0


def test_a_stream_of_another_dialect_says_the_same(newcomer: httpx.Client) -> None:
    whole = ask(newcomer, "demo-translated").json()
    *chunks, usage, done = events(ask(newcomer, "demo-translated", stream=True, **USAGE).text)
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert done == "[DONE]" and text == whole["choices"][0]["message"]["content"]
    assert usage["usage"] == whole["usage"]


USAGE = {"stream_options": {"include_usage": True}}


def test_a_signed_thought_survives_a_loop_of_tools(newcomer: httpx.Client) -> None:
    """The provider refuses a thought whose signature was lost or whose words were changed."""
    asked = ask(newcomer, "sage/demo-thinker", tools=[TOOL], reasoning_effort="low").json()["choices"][0]
    message = asked["message"]
    assert asked["finish_reason"] == "tool_calls" and message["reasoning_content"]
    call = message["tool_calls"][0]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
    turns = [{"role": "user", "content": "hello"}, message, result]
    answered = ask(newcomer, "sage/demo-thinker", tools=[TOOL], messages=turns).json()["choices"][0]
    assert answered["finish_reason"] == "stop" and "the last one from the tool" in answered["message"]["content"]


def test_an_error_of_another_dialect_comes_in_the_callers(newcomer: httpx.Client) -> None:
    answer = newcomer.post(CHAT, json=body("sage/demo-chat", messages=[{"role": "user", "content": "x" * 900_000}]))
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "context_length_exceeded")
    assert error["message"].startswith("prompt is too long")
