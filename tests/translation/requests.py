"""Chat requests that between them use everything a caller may say; each is legal in the OpenAI dialect or nearly so.

Law: written for what targets trip over, not for what they like: order, emptiness, odd names, two forms of one thing.
"""

import json
from typing import Any

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 1}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city"],
    "additionalProperties": False,
}
DEEP_SCHEMA: dict[str, Any] = {
    "$defs": {"leaf": {"type": "object", "properties": {"v": {"type": ["string", "null"], "pattern": "^x"}}}},
    "type": "object",
    "properties": {
        "leaves": {"type": "array", "items": {"$ref": "#/$defs/leaf"}, "minItems": 1},
        "kind": {"oneOf": [{"const": "a"}, {"type": "number", "exclusiveMinimum": 0}]},
        "at": {"type": "string", "format": "date-time"},
    },
}


def user(content: Any = "What is the weather?") -> dict[str, Any]:
    return {"role": "user", "content": content}


def system(content: Any = "Be brief.") -> dict[str, Any]:
    return {"role": "system", "content": content}


def says(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def call(call_id: str = "call_1", name: str = "forecast", arguments: str = '{"city": "Oslo"}') -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*made: dict[str, Any], content: Any = None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(made), **more}


def result(call_id: str = "call_1", content: Any = "rain") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def tool(name: str = "forecast", parameters: Any = SCHEMA, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "Tells.", "parameters": parameters, **more}}


def text(said: str = "look") -> dict[str, Any]:
    return {"type": "text", "text": said}


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def shaped(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, **more}}


def asks(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


TOOLS = {"tools": [tool(), tool("clock", {"type": "object", "properties": {}})]}
LOOP = (user(), calls(call()), result())
TWO = (user(), calls(call("call_1"), call("call_2", "clock", "{}")))
LONG_ID = "call_" + "x" * 120

CONVERSATIONS: dict[str, dict[str, Any]] = {
    "plain": asks(user()),
    "streamed": asks(user(), stream=True),
    "streamed with usage": asks(user(), stream=True, stream_options={"include_usage": True}),
    "system": asks(system(), user()),
    "system as parts": asks(system([text("Be"), text("brief.")]), user()),
    "two systems and a developer": asks(
        system(), {"role": "developer", "content": "In French."}, system("Now."), user()
    ),
    "system in the middle": asks(user(), says("Yes?"), system(), user()),
    "system alone": asks(system()),
    "system empty": asks(system(""), user()),
    "user as parts": asks(user([text("a"), text("b")])),
    "names": asks({**user(), "name": "ann"}, says("Hi", name="bot"), user()),
    "unicode": asks(user("«Łódź» 🌧️ \u0000\u2028 العربية")),
    "two users in a row": asks(user("a"), user("b"), says("c"), user("d")),
    "two assistants in a row": asks(user(), says("a"), says("b"), user()),
    "assistant first": asks(says("Welcome."), user()),
    "prefill": asks(user(), says("The weather is ")),
    "prefill of white space": asks(user(), says("  ")),
    "empty user": asks(user("")),
    "blank user": asks(user(" \n")),
    "empty parts": asks(user([]), says("x"), user([text("")])),
    "empty assistant": asks(user(), says(""), user()),
    "null assistant": asks(user(), says(None), user()),
    "assistant as parts": asks(user(), says([text("a"), {"type": "refusal", "refusal": "no"}]), user()),
    "refusal replayed": asks(user(), says(None, refusal="I will not."), user("please")),
    "audio replayed": asks(user(), says(None, audio={"id": "audio_1"}), user()),
}

MEDIA: dict[str, dict[str, Any]] = {
    "image as data": asks(user([text(), image(f"data:image/png;base64,{PIXEL}", detail="low")])),
    "image as data without text": asks(user([image(f"data:image/png;base64,{PIXEL}")])),
    "image of an odd kind": asks(user([text(), image(f"data:image/tiff;base64,{PIXEL}")])),
    "image with parameters in its kind": asks(user([text(), image(f"data:image/jpeg;charset=x;base64,{PIXEL}")])),
    "image as broken data": asks(user([text(), image("data:image/png;base64,%%%")])),
    "image as a link": asks(user([text(), image("https://example.com/a.png")])),
    "image between texts": asks(user([text("a"), image(f"data:image/webp;base64,{PIXEL}"), text("b")])),
    "pdf": asks(
        user(
            [
                text(),
                {"type": "file", "file": {"filename": "a b.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
            ]
        )
    ),
    "pdf without text, oddly named": asks(
        user([{"type": "file", "file": {"filename": "../ä_1..pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}])
    ),
    "two files of one name": asks(
        user(
            [
                text(),
                *[{"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}]
                * 2,
            ]
        )
    ),
    "file by id": asks(user([text(), {"type": "file", "file": {"file_id": "file-1"}}])),
    "audio": asks(user([text(), {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}])),
    "image in a result": asks(user(), calls(call()), result(content=[text("see")]), user(), **TOOLS),
}

TOOL_USE: dict[str, dict[str, Any]] = {
    "tools offered": asks(user(), **TOOLS),
    "tools strict and deep": asks(user(), tools=[tool("deep", DEEP_SCHEMA, strict=True)]),
    "tool without parameters": asks(user(), tools=[{"type": "function", "function": {"name": "clock"}}]),
    "tool choice auto": asks(user(), tool_choice="auto", **TOOLS),
    "tool choice none": asks(user(), tool_choice="none", **TOOLS),
    "tool choice required": asks(user(), tool_choice="required", **TOOLS),
    "tool choice named": asks(user(), tool_choice={"type": "function", "function": {"name": "clock"}}, **TOOLS),
    "tool choice allowed": asks(
        user(),
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "clock"}}]},
        },
        **TOOLS,
    ),
    "tool choice without tools": asks(user(), tool_choice="auto"),
    "no parallel calls": asks(user(), parallel_tool_calls=False, **TOOLS),
    "no parallel calls, required": asks(user(), parallel_tool_calls=False, tool_choice="required", **TOOLS),
    "tool loop": asks(*LOOP, **TOOLS),
    "tool loop, none more": asks(*LOOP, tool_choice="none", **TOOLS),
    "tool loop without tools": asks(*LOOP),
    "tool loop then user": asks(*LOOP, user("And tomorrow?"), **TOOLS),
    "parallel results": asks(*TWO, result("call_1"), result("call_2", "noon"), **TOOLS),
    "parallel results in another order": asks(*TWO, result("call_2", "noon"), result("call_1"), **TOOLS),
    "parallel results, one missing": asks(*TWO, result("call_2", "noon"), user("well?"), **TOOLS),
    "calls never answered": asks(*TWO, user("never mind"), **TOOLS),
    "calls at the end": asks(*TWO, **TOOLS),
    "result of no call": asks(user(), result("call_9"), user("well?"), **TOOLS),
    "result twice": asks(*LOOP, result(content="sun"), **TOOLS),
    "result behind the user": asks(user(), calls(call()), user("quick"), result(), **TOOLS),
    "result as parts": asks(user(), calls(call()), result(content=[text("rain"), text("wind")]), **TOOLS),
    "result empty": asks(user(), calls(call()), result(content=""), **TOOLS),
    "text beside the call": asks(user(), calls(call(), content="Let me look."), result(), **TOOLS),
    "empty text beside the call": asks(user(), calls(call(), content=""), result(), **TOOLS),
    "arguments empty": asks(user(), calls(call(arguments="")), result(), **TOOLS),
    "arguments no JSON": asks(user(), calls(call(arguments='{"city": "Os')), result(), **TOOLS),
    "arguments a list": asks(user(), calls(call(arguments="[1]")), result(), **TOOLS),
    "same id in two turns": asks(*LOOP, says("Rain."), user(), calls(call()), result(), **TOOLS),
    "same id twice in a turn": asks(user(), calls(call(), call()), result(), result(), **TOOLS),
    "ids long and odd": asks(
        user(),
        calls(call(LONG_ID), call("ü/1 2|3", "clock", "{}")),
        result(LONG_ID),
        result("ü/1 2|3"),
        **TOOLS,
    ),
    "names long and odd": asks(
        user(),
        calls(call(name="ask.about/Wetter é")),
        result(),
        tools=[tool("ask.about/Wetter é"), tool("n" * 90), tool("9lives")],
    ),
    "called tool is not offered": asks(user(), calls(call(name="gone")), result(), **TOOLS),
    "functions of old": asks(
        user(),
        says(None, function_call={"name": "forecast", "arguments": "{}"}),
        {"role": "function", "name": "forecast", "content": "rain"},
        functions=[{"name": "forecast", "parameters": SCHEMA}],
    ),
    "custom tool": asks(user(), tools=[{"type": "custom", "custom": {"name": "sql", "description": "runs"}}]),
}

SETTINGS: dict[str, dict[str, Any]] = {
    "sampling": asks(user(), temperature=0.5, top_p=0.9),
    "hottest": asks(user(), temperature=2, top_p=1),
    "coldest": asks(user(), temperature=0, top_p=0),
    "penalties": asks(user(), frequency_penalty=-1.5, presence_penalty=2),
    "seed": asks(user(), seed=7),
    "stop": asks(user(), stop="END"),
    "stops": asks(user(), stop=["a", "b", "\n", ""]),
    "stop null": asks(user(), stop=None, temperature=None, tools=None, max_tokens=None, seed=None, user=None),
    "cap of old": asks(user(), max_tokens=5),
    "cap": asks(user(), max_completion_tokens=50_000),
    "both caps": asks(user(), max_tokens=5, max_completion_tokens=6),
    "several choices": asks(user(), n=2),
    "one choice": asks(user(), n=1),
    "log probabilities": asks(user(), logprobs=True, top_logprobs=3),
    "bias": asks(user(), logit_bias={"50256": -100}),
    "JSON object": asks(system("Answer in JSON."), user(), response_format={"type": "json_object"}),
    "JSON by schema": asks(user(), response_format=shaped(SCHEMA, strict=True)),
    "JSON by a deep schema": asks(user(), response_format=shaped(DEEP_SCHEMA)),
    "JSON by schema with tools": asks(*LOOP, response_format=shaped(SCHEMA), **TOOLS),
    "text format": asks(user(), response_format={"type": "text"}),
    "whose": asks(user(), user="user-17", metadata={"k": "v"}, safety_identifier="s", store=False),
    "service tier": asks(user(), service_tier="auto", prompt_cache_key="k", verbosity="low"),
    "prediction": asks(user(), prediction={"type": "content", "content": "x"}),
    "spoken answer": asks(user(), modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}),
    "web search": asks(user(), web_search_options={}),
    "cache marks": asks(
        system([{**text("long"), "cache_control": {"type": "ephemeral"}}]),
        user([{**text("a"), "cache_control": {"type": "ephemeral"}}]),
    ),
    **{
        f"effort {level}": asks(user(), reasoning_effort=level) for level in ("none", "minimal", "low", "high", "xhigh")
    },
    "effort with a small cap": asks(user(), reasoning_effort="high", max_tokens=100),
    "effort with sampling and tools": asks(
        user(), reasoning_effort="medium", temperature=0.2, top_p=0.5, tool_choice="required", **TOOLS
    ),
    "thought replayed": asks(user(), says("Rain.", reasoning_content="They ask of weather."), user("and?")),
    "thought replayed in a tool loop": asks(
        user(), calls(call(), reasoning_content="I must look."), result(), reasoning_effort="low", **TOOLS
    ),
}

REQUESTS: dict[str, dict[str, Any]] = CONVERSATIONS | MEDIA | TOOL_USE | SETTINGS


def encoded(name: str, model: str) -> bytes:
    return json.dumps({"model": model, **REQUESTS[name]}).encode()
