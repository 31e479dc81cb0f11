"""The official SDK reads the demo provider as it reads the real API. Says nothing when all holds."""

import sys
from typing import Any

import anthropic

client = anthropic.Anthropic(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=20.0)
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
TOOLS: list[Any] = [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]


def ask(model: str = "demo-chat", **more: Any) -> Any:
    return client.messages.create(**{"model": model, "max_tokens": 200, "messages": HELLO, **more})


def streamed(model: str = "demo-chat", **more: Any) -> tuple[list[str], Any]:
    with client.messages.stream(**{"model": model, "max_tokens": 200, "messages": HELLO, **more}) as stream:
        kinds = [event.type for event in stream]
        return kinds, stream.get_final_message()


def same(one: Any, other: Any) -> bool:
    """But for the id, which counts the requests."""
    shown = [message.model_dump(exclude={"id", "parsed_output"}) for message in (one, other)]
    for message in shown:
        for block in message["content"]:
            block.pop("parsed_output", None)
            if block["type"] == "tool_use":
                block.pop("id")
    return shown[0] == shown[1]


hello = ask(system="Be brief.", temperature=0.5, stop_sequences=["million"])
assert hello.content[0].text.startswith("Hello from sage") and hello.stop_reason == "stop_sequence", hello
assert hello._request_id.startswith("req_sage_"), hello._request_id
kinds, final = streamed(system="Be brief.", temperature=0.5, stop_sequences=["million"])
assert same(final, hello), (final, hello)
assert kinds[0] == "message_start" and kinds[-1] == "message_stop" and "text" in kinds, kinds

thought = ask("demo-thinker")
assert [block.type for block in thought.content] == ["thinking", "text"] and thought.content[0].signature
kinds, final = streamed("demo-thinker")
assert same(final, thought) and {"thinking", "signature"} <= set(kinds), kinds

called = ask("demo-thinker", tools=TOOLS)
assert called.stop_reason == "tool_use" and called.content[1].input == {"city": "sage"}, called
kinds, final = streamed("demo-thinker", tools=TOOLS)
assert same(final, called) and "input_json" in kinds, kinds
result = {"type": "tool_result", "tool_use_id": called.content[1].id, "content": "sunny"}
turns = [*HELLO, {"role": "assistant", "content": called.content}, {"role": "user", "content": [result]}]
assert ask("demo-thinker", tools=TOOLS, messages=turns).stop_reason == "end_turn"

assert [model.id for model in client.models.list()] == ["demo-chat", "demo-thinker"]
for more, kind, said in (
    ({"model": "fault-500"}, anthropic.InternalServerError, "api_error"),
    ({"model": "fault-429"}, anthropic.RateLimitError, "rate_limit_error"),
    ({"model": "fault-401"}, anthropic.AuthenticationError, "authentication_error"),
    ({"model": "nope"}, anthropic.NotFoundError, "not_found_error"),
    ({"extra_body": {"n": 2}}, anthropic.BadRequestError, "invalid_request_error"),
):
    try:
        ask(**more)
    except kind as error:
        assert error.body["error"]["type"] == said and error.request_id, error.body
    else:
        raise AssertionError(f"no {kind}")
try:
    streamed("fault-late-error-event")
except anthropic.APIStatusError as error:
    assert error.body["error"]["type"] == "api_error", error.body
else:
    raise AssertionError("a failure behind the headers was not seen")
