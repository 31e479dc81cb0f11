"""What ties requests together: which prompts share the digest of their beginning."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.json_edit import members
from extproc.dialects.openai import sticky

SYSTEM = {"role": "system", "content": "You are helpful. " * 2000}
HELLO = {"role": "user", "content": "Hello"}
BYE = {"role": "user", "content": "Bye"}
ANSWER = {"role": "assistant", "content": "Hi"}
TOOLS = [{"type": "function", "function": {"name": "look"}}]


def prefix(endpoint: str = "chat", **fields: Any) -> str | None:
    return sticky.prefix(endpoint, {one.key: one.raw for one in members(json.dumps(fields).encode())})


def chat(*messages: Any, **fields: Any) -> str | None:
    return prefix(messages=list(messages), **fields)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (chat(SYSTEM, HELLO), chat(SYSTEM, HELLO, ANSWER, BYE), True),
        (chat(HELLO), chat(HELLO, ANSWER, HELLO), True),
        (chat(SYSTEM, HELLO), chat(SYSTEM, BYE), False),
        (chat(SYSTEM, HELLO), chat(HELLO), False),
        (chat(HELLO), chat(HELLO, tools=TOOLS), False),
        (chat(HELLO, temperature=1, model="a"), chat(HELLO, temperature=0, model="b"), True),
        (prefix("responses", input="hello"), prefix("responses", input="hello", instructions="x"), False),
        (prefix("responses", input=[HELLO, ANSWER]), prefix("responses", input=[HELLO]), True),
        (prefix("completions", prompt="a"), prefix("completions", prompt="b"), False),
        (prefix("prompt", prompt="a"), prefix("prompt", prompt="a"), True),
    ],
)
def test_one_conversation_has_one_prefix(one: str | None, other: str | None, same: bool) -> None:
    """Up to the first turn of the user; also behind a system prompt of any length."""
    assert one and other
    assert (one == other) is same


def test_only_the_beginning_of_a_long_turn_counts() -> None:
    document = "x" * 5000
    assert chat({"role": "user", "content": document + "a"}) == chat({"role": "user", "content": document + "b"})


def test_a_digest_is_the_same_everywhere_and_always() -> None:
    assert chat(HELLO) == "a0c35d569674f403"
    assert sticky.session({"prompt_cache_key": msgspec.Raw(b'"s"')}) == hashlib.blake2b(b"s", digest_size=8).hexdigest()


def test_embeddings_and_requests_without_a_prompt_have_none() -> None:
    assert prefix("embeddings", input="hello") is None
    assert prefix("chat") is None


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_shape_of_a_prompt_has_a_digest(value: Any) -> None:
    raw = msgspec.Raw(msgspec.json.encode(value))
    assert sticky.prefix("chat", {"messages": raw, "tools": raw})
    assert sticky.session({"prompt_cache_key": raw}) is None or isinstance(value, (str, int))


def test_deep_nesting_ends_nothing() -> None:
    raw = msgspec.Raw(b"[" * 5000 + b"]" * 5000)
    assert sticky.prefix("chat", {"messages": raw})
    assert sticky.user({"user": raw}) is None
