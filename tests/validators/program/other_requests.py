"""Requests to Cohere v2, Mistral and Ollama: what their SDKs can say, and what the services refuse beyond it."""

import base64
import binascii
import inspect
import re
from collections.abc import Iterator
from typing import Any

from cohere.v2.client import V2Client
from mistralai.client import models
from ollama import _types
from strict_types import problems

MISTRAL_ID = re.compile(r"[a-zA-Z0-9]{9}")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MOST_COHERE_STOPS = 5


def cohere_problems(body: Any) -> Iterator[str]:
    """The body is the arguments of the SDK's `chat`, with `stream`."""
    if not isinstance(body, dict):
        yield "no object"
        return
    signature = inspect.signature(V2Client.chat, eval_str=True).parameters
    taken = {name: each for name, each in signature.items() if name not in ("self", "request_options")}
    for name in sorted({"model", "messages"} - body.keys()):
        yield f"{name}: missing"
    for name, value in body.items():
        if name == "stream":
            yield from [] if isinstance(value, bool) else ["stream: no boolean"]
        elif name in taken:
            yield from problems(value, taken[name].annotation, name)
        else:
            yield f"{name}: no such field"
    if body.get("tool_choice", "NONE") not in ("REQUIRED", "NONE"):
        yield "tool_choice: neither REQUIRED nor NONE"
    if "tool_choice" in body and not body.get("tools"):
        yield "tool_choice: without tools"
    if not 0.01 <= body.get("p", 0.5) <= 0.99 or body.get("temperature", 0) < 0:
        yield "p or temperature: out of range"
    if any(not 0 <= body.get(name, 0) <= 1 for name in ("frequency_penalty", "presence_penalty")):
        yield "penalties: not within 0 and 1"
    if len(body.get("stop_sequences", [])) > MOST_COHERE_STOPS:
        yield "stop_sequences: more than five"
    yield from _results_follow_calls(body.get("messages"))


def mistral_problems(body: Any) -> Iterator[str]:
    found = list(problems(body, models.ChatCompletionRequest))
    yield from found
    if found:
        return
    yield from _results_follow_calls(body["messages"])
    ids = [call["id"] for message in body["messages"] for call in message.get("tool_calls") or []]
    ids += [message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"]
    if not all(MISTRAL_ID.fullmatch(each) for each in ids):
        yield f"tool call ids: not nine letters and digits: {ids}"
    if not 0 <= body.get("temperature", 0) <= 1.5 or not 0 < body.get("top_p", 1) <= 1:
        yield "temperature or top_p: out of range"
    names = [tool["function"]["name"] for tool in body.get("tools") or []]
    if not all(NAME.fullmatch(name) for name in names):
        yield f"tools: a name that is none: {names}"
    last = body["messages"][-1] if body["messages"] else {"role": "nobody"}
    if last["role"] not in ("user", "tool") and not last.get("prefix"):
        yield f"messages: the last is the {last['role']}'s, without `prefix`"
    for index, message in enumerate(body["messages"]):
        if message["role"] == "assistant" and not message.get("content") and not message.get("tool_calls"):
            yield f"messages[{index}]: an assistant that says nothing"


def ollama_problems(body: Any) -> Iterator[str]:
    checked = body
    if isinstance(body, dict) and isinstance(body.get("messages"), list):
        messages = [{k: v for k, v in m.items() if k != "images"} for m in body["messages"] if isinstance(m, dict)]
        for message in body["messages"]:
            yield from _images(message)
        yield from (f"messages: {each}" for m in messages for each in problems(m, _types.Message))
        checked = {name: value for name, value in body.items() if name not in ("messages", "tools", "options")}
        yield from problems(body.get("options", {}), _types.Options, "options")
        for tool in body.get("tools", []):
            yield from _ollama_tool(tool)
    yield from problems(checked, _types.ChatRequest)
    if isinstance(body, dict) and not isinstance(body.get("stream"), bool):
        yield "stream: must be said, since it is true unless it is said"


def _images(message: Any) -> Iterator[str]:
    for image in message.get("images") or [] if isinstance(message, dict) else []:
        try:
            base64.b64decode(image, validate=True)
        except (binascii.Error, TypeError, ValueError):
            yield "images: not base64"


def _ollama_tool(tool: Any) -> Iterator[str]:
    """The SDK's type of a schema is narrower than what the server reads: any schema."""
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or tool.get("type") != "function" or tool.keys() - {"type", "function"}:
        yield f"tools: {tool!r:.60} is no function"
    elif not isinstance(function.get("name"), str) or not isinstance(function.get("parameters", {}), dict):
        yield "tools: a name or parameters of the wrong kind"


def _results_follow_calls(messages: Any) -> Iterator[str]:
    """Every call is answered before anybody else speaks, and nothing is answered that was not called."""
    open_calls: set[str] = set()
    for index, message in enumerate(messages if isinstance(messages, list) else []):
        if not isinstance(message, dict):
            return
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in open_calls:
                yield f"messages[{index}]: a result of no call"
            open_calls.discard(str(message.get("tool_call_id")))
            continue
        if open_calls:
            yield f"messages[{index}]: before it, calls were not answered: {sorted(open_calls)}"
        open_calls = {call["id"] for call in message.get("tool_calls") or []}
    if open_calls:
        yield f"messages: calls without results: {sorted(open_calls)}"
