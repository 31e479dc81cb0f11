"""`/chat` with a `prompt`, as every pair sees it."""

import json
from typing import Any

import pytest

from extproc.refusal import Reason, Refusal
from extproc.translation.pair import Call
from extproc.translation.prompt import as_chat


def chat_of(body: Any) -> Call | Refusal:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return as_chat(Call("prompt", "POST", "/chat", "", "application/json", data, own_fields=("team",)))


def test_a_prompt_is_one_message_of_the_user() -> None:
    call = chat_of({"prompt": "Explain Kubernetes", "model": "llama3.2:1b", "team": "blue"})
    assert isinstance(call, Call)
    assert (call.endpoint, call.path, call.own_fields) == ("chat", "/v1/chat/completions", ("team",))
    assert json.loads(call.body or b"") == {
        "messages": [{"role": "user", "content": "Explain Kubernetes"}],
        "model": "llama3.2:1b",
        "team": "blue",
    }


def test_a_chat_request_is_one_already() -> None:
    call = chat_of({"messages": [{"role": "user", "content": "hi"}], "model": "m", "prompt": "left out"})
    assert isinstance(call, Call)
    assert json.loads(call.body or b"") == {"messages": [{"role": "user", "content": "hi"}], "model": "m"}


@pytest.mark.parametrize("body", [{}, {"prompt": ""}, {"prompt": 5}, {"prompt": ["a"]}])
def test_without_either_it_is_refused(body: Any) -> None:
    refusal = chat_of(body)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.param) == (Reason.INVALID_REQUEST, "prompt")


def test_what_is_no_object_is_refused() -> None:
    assert isinstance(chat_of(b"[]"), Refusal)


def test_other_endpoints_are_left_alone() -> None:
    call = Call("embeddings", body=b"anything")
    assert as_chat(call) is call
