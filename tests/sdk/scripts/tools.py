"""Tools: a loop with a result, and a call put together from a stream."""

import json

from client import MODEL, client

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
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

c = client()
messages = [{"role": "user", "content": "weather?"}]
first = c.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
call = first.choices[0].message.tool_calls[0]
assert first.choices[0].finish_reason == "tool_calls" and call.function.name == "get_weather"
assert set(json.loads(call.function.arguments)) == {"city", "days"}

messages += [
    first.choices[0].message.model_dump(exclude_none=True),
    {"role": "tool", "tool_call_id": call.id, "content": "20C"},
]
second = c.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
assert second.choices[0].finish_reason == "stop" and "from the tool" in second.choices[0].message.content

with c.chat.completions.stream(model=MODEL, messages=messages[:1], tools=TOOLS) as stream:
    kinds = [event.type for event in stream]
    final = stream.get_final_completion()
assert "tool_calls.function.arguments.delta" in kinds
assert json.loads(final.choices[0].message.tool_calls[0].function.arguments).keys() == {"city", "days"}
