"""Requests to /v1/messages at version 2023-06-01: the SDK's types, and what the service refuses beyond them."""

import re
from collections.abc import Iterator
from typing import Any

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from strict_types import problems
from turns import Turn, order_problems

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
ID = re.compile(r"[a-zA-Z0-9_-]+")
NO_SAMPLING = re.compile(r"claude-(opus-(4-[7-9]|[5-9])|sonnet-[5-9])")
NO_PREFILL = re.compile(r"claude-(opus-(4-[6-9]|[5-9])|sonnet-(4-[6-9]|[5-9]))")
MOST_CACHE_MARKS = 4


def request_problems(body: Any) -> Iterator[str]:
    streamed = isinstance(body, dict) and body.get("stream") is True
    found = list(problems(body, MessageCreateParamsStreaming if streamed else MessageCreateParamsNonStreaming))
    yield from found
    if not found:
        yield from _limits(body)
        yield from _blocks(body)
        yield from order_problems([_turn(message) for message in body["messages"]])
        yield from _of_the_model(body)


def _limits(body: dict[str, Any]) -> Iterator[str]:
    if body["max_tokens"] < 1:
        yield "max_tokens: below 1"
    for name in ("temperature", "top_p"):
        if not 0 <= body.get(name, 0) <= 1:
            yield f"{name}: not within 0 and 1"
    if any(not text.strip() for text in body.get("stop_sequences", [])):
        yield "stop_sequences: a blank one"
    if body.get("tool_choice", {}).get("type") in ("any", "tool", "auto") and not body.get("tools"):
        yield "tool_choice: without tools"
    names = [tool.get("name", "") for tool in body.get("tools", [])]
    if len(set(names)) < len(names):
        yield "tools: one name twice"
    if not all(NAME.fullmatch(name) for name in names):
        yield f"tools: a name that is none: {names}"
    if body.get("tool_choice", {}).get("type") == "tool" and body["tool_choice"]["name"] not in names:
        yield "tool_choice: names no tool"
    yield from _thinking(body)
    if str(body).count("'cache_control'") > MOST_CACHE_MARKS:
        yield "cache_control: more than four"


def _thinking(body: dict[str, Any]) -> Iterator[str]:
    thinking = body.get("thinking", {})
    if thinking.get("type") == "enabled":
        if not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
            yield "thinking.budget_tokens: not within 1024 and max_tokens"
        if body.get("temperature", 1) != 1 or "top_k" in body:
            yield "temperature: must be 1 with thinking"
        if body.get("tool_choice", {}).get("type") in ("any", "tool"):
            yield "tool_choice: cannot be forced with thinking"


def _blocks(body: dict[str, Any]) -> Iterator[str]:
    system = body.get("system", "-")
    for where, content in (("system", system), *((f"messages[{i}]", m["content"]) for i, m in _numbered(body))):
        if content == "" or content == []:
            yield f"{where}: empty"
        for block in content if isinstance(content, list) else []:
            yield from _block(block, where)


def _numbered(body: dict[str, Any]) -> list[tuple[int, Any]]:
    return list(enumerate(body["messages"]))


def _block(block: dict[str, Any], where: str) -> Iterator[str]:
    if block["type"] == "text" and not block["text"].strip():
        yield f"{where}: a blank text block"
    if block["type"] == "tool_use" and not (ID.fullmatch(block["id"]) and NAME.fullmatch(block["name"])):
        yield f"{where}: tool_use {block['id']!r} {block['name']!r}"
    if block["type"] == "tool_result":
        if not ID.fullmatch(block["tool_use_id"]):
            yield f"{where}: tool_use_id {block['tool_use_id']!r}"
        content = block.get("content")
        for part in content if isinstance(content, list) else []:
            yield from _block(part, f"{where}.tool_result")


def _turn(message: dict[str, Any]) -> Turn:
    content = message["content"]
    blocks = content if isinstance(content, list) else [{"type": "text"}]
    kinds = [block["type"] for block in blocks]
    others = [index for index, kind in enumerate(kinds) if kind != "tool_result"]
    results = [index for index, kind in enumerate(kinds) if kind == "tool_result"]
    return Turn(
        message["role"],
        [block["id"] for block in blocks if block["type"] == "tool_use"],
        [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"],
        others[0] if others else None,
        results[-1] if results else None,
    )


def _of_the_model(body: dict[str, Any]) -> Iterator[str]:
    last = body["messages"][-1]
    if last["role"] == "assistant":
        if NO_PREFILL.search(body["model"]):
            yield "messages: this model takes no prefill"
        content = last["content"]
        text = content if isinstance(content, str) else str(content[-1].get("text", "-"))
        if text != text.rstrip():
            yield "messages: a prefill that ends in white space"
    if NO_SAMPLING.search(body["model"]):
        for name in ("temperature", "top_p", "top_k"):
            if name in body:
                yield f"{name}: this model takes no sampling parameters"
        if body.get("thinking", {}).get("type") == "enabled":
            yield "thinking: this model takes no budget"
