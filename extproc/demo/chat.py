"""POST /v1/chat/completions: the request's shape, the whole answer and its chunks.

Law: both forms are made from the same answers, so text and usage agree to the token.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import msgspec

from extproc.demo.asked import (
    Asked,
    Measure,
    check_fits,
    decoded,
    shape_of,
    stops_of,
    tool_choice_of,
    tools_of,
)
from extproc.demo.pace import Paced, streamed, whole
from extproc.demo.reply import DONE, Problem, Reply, data_event, encode
from extproc.demo.request import Order
from extproc.demo.wording import Answer, answers_to


class Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class ChatRequest(msgspec.Struct):
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    response_format: dict[str, Any] | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None


def chat(order: Order) -> Reply:
    request = decoded(order.body, ChatRequest)
    asked = _asked(request, order)
    answers = answers_to(asked, order.provider)
    usage = usage_of(asked, answers)
    if request.stream:
        with_usage = bool(request.stream_options and request.stream_options.include_usage)
        return streamed(_chunks(order, answers, usage if with_usage else None), order.provider.speed)
    body = {
        **_head(order, "chat.completion"),
        "choices": [_choice(order, number, answer) for number, answer in enumerate(answers)],
        "usage": usage,
    }
    return whole(encode(body), sum(answer.tokens for answer in answers), order.provider.speed)


def usage_of(asked: Asked, answers: tuple[Answer, ...]) -> dict[str, Any]:
    completion = sum(answer.tokens for answer in answers)
    return {
        "prompt_tokens": asked.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": asked.prompt_tokens + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _asked(request: ChatRequest, order: Order) -> Asked:
    if not request.messages:
        raise Problem(400, "`messages` must not be empty.", param="messages")
    measure = Measure()
    for message in request.messages:
        measure.content(message.content)
    measure.characters += len(encode(request.tools)) if request.tools else 0
    asked = Asked(
        model=order.model,
        messages=len(request.messages),
        prompt_tokens=measure.tokens(len(request.messages)),
        last_role=request.messages[-1].role,
        tools=tools_of(request.tools),
        tool_choice=tool_choice_of(request.tool_choice),
        shape=shape_of(request.response_format),
        limit=request.max_completion_tokens if request.max_completion_tokens is not None else request.max_tokens,
        stops=stops_of(request.stop),
        choices=1 if request.n is None else request.n,
    )
    check_fits(asked, measure)
    return asked


def _head(order: Order, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{order.id}",
        "object": kind,
        "created": order.now,
        "model": order.model.name,
        "service_tier": "default",
        "system_fingerprint": f"fp_demo_{order.provider.name}",
    }


def _choice(order: Order, number: int, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    if answer.call:
        called = {"name": answer.call.tool, "arguments": answer.call.arguments}
        calls = [{"id": _call_id(order, number), "type": "function", "function": called}]
        message |= {"content": None, "tool_calls": calls}
    return {"index": number, "message": message, "logprobs": None, "finish_reason": answer.finish}


def _call_id(order: Order, number: int) -> str:
    return f"call_{order.id}_{number}"


def _chunks(order: Order, answers: tuple[Answer, ...], usage: dict[str, Any] | None) -> Iterator[Paced]:
    head = _head(order, "chat.completion.chunk") | ({} if usage is None else {"usage": None})

    def chunk(number: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": number, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data_event({**head, "choices": [choice]})

    for number, answer in enumerate(answers):
        yield 0, chunk(number, _opening(order, number, answer))
    for row in zip_longest(*(answer.pieces for answer in answers)):
        for number, piece in enumerate(row):
            if piece is not None:
                yield 1, chunk(number, _delta(answers[number], piece))
    for number, answer in enumerate(answers):
        yield 0, chunk(number, {}, answer.finish)
    if usage is not None:
        yield 0, data_event({**head, "choices": [], "usage": usage})
    yield 0, DONE


def _opening(order: Order, number: int, answer: Answer) -> dict[str, Any]:
    if not answer.call:
        return {"role": "assistant", "content": "", "refusal": None}
    called = {"name": answer.call.tool, "arguments": ""}
    call = {"index": 0, "id": _call_id(order, number), "type": "function", "function": called}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _delta(answer: Answer, piece: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} if answer.call else {"content": piece}
