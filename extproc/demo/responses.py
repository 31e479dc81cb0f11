"""POST /v1/responses: the request's shape, the whole answer and its sequence of events.

Law: the object in the last event is the one that a caller gets who does not stream.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from extproc.demo.asked import Asked, Measure, check_fits, decoded, shape_of, tool_choice_of, tools_of
from extproc.demo.pace import Paced, streamed, whole
from extproc.demo.reply import Reply, encode, named_event
from extproc.demo.request import Order
from extproc.demo.wording import Answer, answers_to


class TextOptions(msgspec.Struct):
    format: dict[str, Any] | None = None


class ResponsesRequest(msgspec.Struct):
    input: str | list[dict[str, Any]] = ""
    instructions: str | None = None
    stream: bool | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    text: TextOptions | None = None
    max_output_tokens: int | None = None
    metadata: dict[str, str] | None = None
    previous_response_id: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    parallel_tool_calls: bool | None = None
    store: bool | None = None


def responses(order: Order) -> Reply:
    request = decoded(order.body, ResponsesRequest)
    asked = _asked(request, order)
    answer = answers_to(asked, order.provider)[0]
    finished = _finished(request, asked, answer, order)
    if request.stream:
        return streamed(_events(finished, answer), order.provider.speed)
    return whole(encode(finished), answer.tokens, order.provider.speed)


def _asked(request: ResponsesRequest, order: Order) -> Asked:
    items = [{"role": "user", "content": request.input}] if isinstance(request.input, str) else request.input
    measure = Measure()
    measure.content(request.instructions)
    for item in items:
        measure.content(item.get("content"))
        measure.content(item.get("output"))
    measure.characters += len(encode(request.tools)) if request.tools else 0
    last = items[-1] if items else {}
    asked = Asked(
        model=order.model,
        messages=len(items),
        prompt_tokens=measure.tokens(len(items)),
        last_role=str(last.get("role") or "tool"),
        tools=tools_of(request.tools),
        tool_choice=tool_choice_of(request.tool_choice),
        shape=shape_of(request.text.format if request.text else None),
        limit=request.max_output_tokens,
    )
    check_fits(asked, measure)
    return asked


def _finished(request: ResponsesRequest, asked: Asked, answer: Answer, order: Order) -> dict[str, Any]:
    cut = answer.finish == "length"
    return {
        "id": f"resp_{order.id}",
        "object": "response",
        "created_at": order.now,
        "status": "incomplete" if cut else "completed",
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": request.metadata or {},
        "model": order.model.name,
        "output": [_item(order, answer, "incomplete" if cut else "completed")],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": request.store is not False,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": {"format": (request.text and request.text.format) or {"type": "text"}},
        "tool_choice": request.tool_choice or "auto",
        "tools": request.tools or [],
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": "disabled",
        "usage": {
            "input_tokens": asked.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": answer.tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked.prompt_tokens + answer.tokens,
        },
        "user": None,
    }


def _item(order: Order, answer: Answer, status: str) -> dict[str, Any]:
    if answer.call:
        return {
            "id": f"fc_{order.id}",
            "type": "function_call",
            "status": status,
            "call_id": f"call_{order.id}",
            "name": answer.call.tool,
            "arguments": answer.call.arguments,
        }
    return {
        "id": f"msg_{order.id}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [_text_part(answer.text)],
    }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _events(finished: dict[str, Any], answer: Answer) -> Iterator[Paced]:
    """The numbered events; only deltas take time."""
    pending = {**finished, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    item = finished["output"][0]
    events: list[tuple[int, dict[str, Any]]] = [
        (0, {"type": "response.created", "response": pending}),
        (0, {"type": "response.in_progress", "response": pending}),
        *(_call_events(item, answer) if answer.call else _text_events(item, answer)),
        (0, {"type": "response.output_item.done", "output_index": 0, "item": item}),
        (0, {"type": f"response.{finished['status']}", "response": finished}),
    ]
    for number, (tokens, event) in enumerate(events):
        yield tokens, named_event({**event, "sequence_number": number})


def _text_events(item: dict[str, Any], answer: Answer) -> Iterator[tuple[int, dict[str, Any]]]:
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    started = {**item, "status": "in_progress", "content": []}
    yield 0, {"type": "response.output_item.added", "output_index": 0, "item": started}
    yield 0, {"type": "response.content_part.added", **place, "part": _text_part("")}
    for piece in answer.pieces:
        yield 1, {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield 0, {"type": "response.output_text.done", **place, "text": answer.text, "logprobs": []}
    yield 0, {"type": "response.content_part.done", **place, "part": _text_part(answer.text)}


def _call_events(item: dict[str, Any], answer: Answer) -> Iterator[tuple[int, dict[str, Any]]]:
    place = {"item_id": item["id"], "output_index": 0}
    started = {**item, "status": "in_progress", "arguments": ""}
    yield 0, {"type": "response.output_item.added", "output_index": 0, "item": started}
    for piece in answer.pieces:
        yield 1, {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    done = {"name": item["name"], "arguments": item["arguments"]}
    yield 0, {"type": "response.function_call_arguments.done", **place, **done}
