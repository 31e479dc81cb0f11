"""A provider of another dialect, as OpenAI's own SDK sees it: nothing betrays that it is one."""

import json
import sys

import openai
from client import MODEL, client
from pydantic import BaseModel

CAN_FORCE = "cannot-force" not in sys.argv
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "forecast",
            "description": "Tells the weather.",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city", "days"],
                "additionalProperties": False,
            },
        },
    }
]


class City(BaseModel):
    name: str
    people: int
    districts: list[str]


def said(text):
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


c = client()
hello = c.chat.completions.create(model=MODEL, messages=said("hello"), temperature=0.5, max_tokens=100, stop=["END"])
assert hello.choices[0].message.content == "You said: hello", hello
assert hello.choices[0].finish_reason == "stop" and hello.object == "chat.completion"
assert hello.usage.prompt_tokens == 15 and hello.usage.completion_tokens == 7, hello.usage

chunks = list(c.chat.completions.create(model=MODEL, messages=said("hello"), stream=True))
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: hello", chunks
assert chunks[0].choices[0].delta.role == "assistant" and chunks[-1].choices[0].finish_reason == "stop"
assert all(chunk.usage is None for chunk in chunks) and len({(chunk.id, chunk.model) for chunk in chunks}) == 1

with c.chat.completions.stream(model=MODEL, messages=said("hello"), stream_options={"include_usage": True}) as stream:
    kinds = {event.type for event in stream}
    final = stream.get_final_completion()
assert {"content.delta", "content.done"} <= kinds and final.choices[0].message.content == "You said: hello"
assert final.usage.prompt_tokens == 15 and final.usage.completion_tokens == 7, final.usage

messages = said("how is the weather?")
first = c.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
call = first.choices[0].message.tool_calls[0]
assert first.choices[0].finish_reason == "tool_calls" and call.function.name == "forecast" and call.id
assert json.loads(call.function.arguments).keys() == {"city", "days"}
replayed = first.choices[0].message.model_dump(exclude_none=True)
messages += [replayed, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
second = c.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
assert "The tools say:" in second.choices[0].message.content and "rain" in second.choices[0].message.content
assert second.choices[0].finish_reason == "stop"

with c.chat.completions.stream(model=MODEL, messages=messages[:2], tools=TOOLS) as stream:
    kinds = {event.type for event in stream}
    final = stream.get_final_completion()
made = final.choices[0].message.tool_calls[0].function
assert "tool_calls.function.arguments.delta" in kinds and final.choices[0].finish_reason == "tool_calls"
assert made.name == "forecast" and made.parsed_arguments.keys() == {"city", "days"}

if CAN_FORCE:
    named = {"type": "function", "function": {"name": "forecast"}}
    forced = c.chat.completions.create(model=MODEL, messages=said("hello"), tools=TOOLS, tool_choice=named)
    assert forced.choices[0].message.tool_calls[0].function.name == "forecast"

parsed = c.chat.completions.parse(model=MODEL, messages=said("hello"), response_format=City)
assert isinstance(parsed.choices[0].message.parsed, City) and parsed.choices[0].finish_reason == "stop", parsed
with c.chat.completions.stream(model=MODEL, messages=said("hello"), response_format=City) as stream:
    for _ in stream:
        pass
    assert isinstance(stream.get_final_completion().choices[0].message.parsed, City)

try:
    c.chat.completions.create(model=MODEL, messages=said("too many"))
except openai.RateLimitError as error:
    assert error.body["message"] == "Slow down." and error.body.keys() >= {"type", "code", "param"}, error.body
else:
    raise AssertionError("no RateLimitError")

pieces = []
try:
    for chunk in c.chat.completions.create(model=MODEL, messages=said("fail late"), stream=True):
        pieces.append(chunk.choices[0].delta.content or "")
except openai.APIError as error:
    assert "".join(pieces) and error.body["type"], error.body
else:
    raise AssertionError("a failure behind the headers was not seen")
