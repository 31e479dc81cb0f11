"""A whole stream of chat chunks, read as the official SDK reads it and by the rules that its accumulators rely on.

Law: one identity in all chunks; the role first; a tool call opens with id, type, name and goes on with arguments only;
one finish reason a choice, after its content; usage once, in a chunk of its own, only for who asked; `[DONE]`.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
from openai_answers import chunk_problems, error_problems

HELLO: list[Any] = [{"role": "user", "content": "hello"}]


def stream_problems(body: bytes, usage_asked: bool, may_fail: bool) -> Iterator[str]:
    events = list(_events(body))
    failed = any(isinstance(event, dict) and "error" in event for event in events)
    if failed and not may_fail:
        yield f"an error event: {events[-1]!r:.200}"
    if failed:
        yield from error_problems(events[-1])
        if events[-1] == "[DONE]":
            yield "[DONE] behind an error"
    elif not events or events[-1] != "[DONE]" or events.count("[DONE]") != 1:
        yield "the last event is not [DONE], or not alone"
    chunks = [event for event in events if isinstance(event, dict) and "error" not in event]
    for index, chunk in enumerate(chunks):
        yield from (f"chunk {index}: {line}" for line in chunk_problems(chunk))
    yield from _chunk_rules(chunks, usage_asked, failed)
    yield from _as_the_sdk_reads(body, usage_asked, failed)


def _events(body: bytes) -> Iterator[Any]:
    """The data of each event; text that is no JSON stays text."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        yield "not UTF-8"
        return
    for event in text.replace("\r\n", "\n").split("\n\n"):
        data = [line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        if data:
            try:
                yield json.loads("\n".join(data))
            except ValueError:
                yield "\n".join(data)


def _chunk_rules(chunks: list[dict[str, Any]], usage_asked: bool, failed: bool) -> Iterator[str]:
    for name in ("id", "created", "model", "object"):
        if len({str(chunk.get(name)) for chunk in chunks}) > 1:
            yield f"{name}: not the same in all chunks"
    told = [index for index, chunk in enumerate(chunks) if chunk.get("usage")]
    if told and not usage_asked:
        yield "usage: nobody asked"
    if usage_asked and not failed and (told != [len(chunks) - 1] or chunks[-1]["choices"] != []):
        yield "usage: not once, in a last chunk without choices"
    seen: dict[int, _Choice] = {}
    for chunk in chunks:
        for choice in chunk.get("choices", []):
            yield from seen.setdefault(choice["index"], _Choice()).problems(choice)
    for index, each in seen.items():
        if not each.finished and not failed:
            yield f"choice {index}: no finish_reason"
    if not seen and not failed:
        yield "no choices at all"


class _Choice:
    """What one choice has said so far."""

    def __init__(self) -> None:
        self.finished = False
        self.started = False
        self.calls: dict[int, bool] = {}

    def problems(self, choice: dict[str, Any]) -> Iterator[str]:
        delta = choice.get("delta") or {}
        if self.finished:
            yield "content behind the finish_reason"
        if not self.started and delta.get("role") != "assistant":
            yield "the first delta has no role"
        self.started = True
        for call in delta.get("tool_calls") or []:
            yield from self._call(call)
        reason = choice.get("finish_reason")
        if reason is not None:
            self.finished = True
            if self.calls and reason == "stop":
                yield "finish_reason: `stop` although tools are called"

    def _call(self, call: dict[str, Any]) -> Iterator[str]:
        function = call.get("function") or {}
        if call["index"] not in self.calls:
            if call["index"] != len(self.calls):
                yield f"tool call index {call['index']} after {len(self.calls)} calls"
            if not call.get("id") or call.get("type") != "function" or not function.get("name"):
                yield "a tool call opens without id, type or name"
            self.calls[call["index"]] = True
        elif call.get("id") or function.get("name"):
            yield "a tool call names itself twice"


def _as_the_sdk_reads(body: bytes, usage_asked: bool, failed: bool) -> Iterator[str]:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(base_url="http://x/v1", api_key="none", http_client=transport, max_retries=0)
    options: Any = {"stream_options": {"include_usage": True}} if usage_asked else {}
    try:
        with client.chat.completions.stream(model="m", messages=HELLO, **options) as stream:
            for _ in stream:
                pass
            whole = stream.get_final_completion()
    except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
        return  # the SDK's own way to say `length` and `content_filter`
    except (openai.OpenAIError, AssertionError, ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
        if not (failed and isinstance(error, openai.APIError)):
            yield f"the SDK: {type(error).__name__}: {error}"
        return
    if failed:
        yield "the SDK did not see the error"
    for choice in whole.choices:
        for call in choice.message.tool_calls or []:
            yield from _arguments(call.function.arguments, choice.finish_reason)


def _arguments(text: str, finish_reason: str) -> Iterator[str]:
    try:
        if not isinstance(json.loads(text), dict):
            yield "arguments: no object"
    except ValueError:
        if finish_reason != "length":
            yield f"arguments: no JSON: {text!r:.80}"
