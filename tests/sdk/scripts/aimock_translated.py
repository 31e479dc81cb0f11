"""Against a mock that others wrote, in the native format of another provider: text, streams, a tool, a limit."""

import json

import openai
from client import MODEL, client

c = client()
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]


def said(text):
    return [{"role": "user", "content": text}]


hello = c.chat.completions.create(model=MODEL, messages=said("greetings"))
assert hello.choices[0].message.content == "Hello to you" and hello.choices[0].finish_reason == "stop", hello

chunks = list(c.chat.completions.create(model=MODEL, messages=said("greetings"), stream=True))
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello to you"

call = c.chat.completions.create(model=MODEL, messages=said("forecast"), tools=TOOLS).choices[0]
assert call.finish_reason == "tool_calls" and call.message.tool_calls[0].function.name == "get_weather", call
with c.chat.completions.stream(model=MODEL, messages=said("forecast"), tools=TOOLS) as stream:
    for _ in stream:
        pass
    call = stream.get_final_completion().choices[0].message.tool_calls[0]
assert call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": "Oslo"}

try:
    c.chat.completions.create(model=MODEL, messages=said("too many"))
except openai.RateLimitError as error:
    assert "Slow down" in error.body["message"], error.body
else:
    raise AssertionError("no RateLimitError")
