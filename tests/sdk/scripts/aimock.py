"""Against a mock that others wrote: its own idea of chat, tools, streams and errors, through the gateway."""

import json

import openai
from client import client

c = client()
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]


def said(text):
    return [{"role": "user", "content": text}]


hello = c.chat.completions.create(model="mock", messages=said("greetings"))
assert hello.choices[0].message.content == "Hello to you" and hello.usage.completion_tokens == 3

chunks = list(c.chat.completions.create(model="mock", messages=said("greetings"), stream=True))
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello to you"

with c.chat.completions.stream(model="mock", messages=said("forecast"), tools=TOOLS) as stream:
    for _ in stream:
        pass
    call = stream.get_final_completion().choices[0].message.tool_calls[0]
assert call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": "Oslo"}

try:
    c.chat.completions.create(model="mock", messages=said("too many"))
except openai.RateLimitError as error:
    assert error.response.headers["retry-after"] == "7"
else:
    raise AssertionError("no RateLimitError")
