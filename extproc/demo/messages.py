"""POST /v1/messages, Anthropic's dialect: the request's shape, the blocks of an answer, the whole message.

Law: both forms are made from the same blocks, so text, calls, thoughts and usage agree to the token.
"""

from dataclasses import replace
from typing import Any, Final

import msgspec

from extproc.demo.asked import Asked, Measure, Tool, check_fits, decoded, shape_of, stops_of
from extproc.demo.message_blocks import Block, call_block, text_block, thought_block
from extproc.demo.message_events import events
from extproc.demo.message_rules import Turn, check_model_takes, check_rules
from extproc.demo.pace import streamed, whole
from extproc.demo.reply import Problem, Reply, encode
from extproc.demo.request import Order
from extproc.demo.wording import Answer, answers_to, pieces_of

_STOP_REASON: Final = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_CHOICE: Final = {"any": "required", "none": "none"}


class MessagesRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is not listed is refused, as the real API does: a field of another dialect must not slip through."""

    messages: list[Turn]
    model: str | None = None
    max_tokens: int | None = None
    system: str | list[dict[str, Any]] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None
    cache_control: dict[str, Any] | None = None


def messages(order: Order) -> Reply:
    request = decoded(order.body, MessagesRequest)
    check_rules(request, order.provider)
    check_model_takes(request, order.model)
    asked = _asked(request, order)
    thought = _thought(asked) if order.model.thinks else ()
    answer = _answer(asked, order, len(thought))
    blocks = _blocks(order, thought, answer)
    message = _message(order, asked, answer, blocks)
    if request.stream:
        return streamed(events(message, blocks), order.provider.speed)
    return whole(encode(message), len(thought) + answer.tokens, order.provider.speed)


def _asked(request: MessagesRequest, order: Order) -> Asked:
    measure = Measure()
    measure.content(request.system)
    for turn in request.messages:
        _measure(measure, turn.content)
    measure.characters += len(encode(request.tools)) if request.tools else 0
    asked = Asked(
        model=order.model,
        messages=len(request.messages),
        prompt_tokens=measure.tokens(len(request.messages)),
        last_role="tool" if request.messages[-1].holds("tool_result") else request.messages[-1].role,
        tools=_tools(request.tools or []),
        tool_choice=_tool_choice(request.tool_choice or {}),
        shape=shape_of((request.output_config or {}).get("format")),
        limit=request.max_tokens,
        stops=stops_of(request.stop_sequences),
    )
    if asked.prompt_tokens > order.model.context:
        raise Problem(400, f"prompt is too long: {asked.prompt_tokens} tokens > {order.model.context} maximum")
    check_fits(asked, measure)
    return asked


def _measure(measure: Measure, content: str | list[dict[str, Any]]) -> None:
    measure.content(content)
    for block in content if isinstance(content, list) else ():
        match block.get("type"):
            case "tool_result":
                measure.content(block.get("content"))
            case "tool_use":
                measure.characters += len(encode(block.get("input")))
            case "thinking":
                measure.content(block.get("thinking"))


def _tools(tools: list[dict[str, Any]]) -> tuple[Tool, ...]:
    """Those with a schema of the caller's; others would run at the provider."""
    return tuple(
        Tool(tool["name"], tool["input_schema"])
        for tool in tools
        if isinstance(tool.get("name"), str) and isinstance(tool.get("input_schema"), dict)
    )


def _tool_choice(choice: dict[str, Any]) -> str:
    if choice.get("type") == "tool":
        return str(choice.get("name") or "required")
    return _CHOICE.get(str(choice.get("type")), "auto")


def _thought(asked: Asked) -> tuple[str, ...]:
    text = (
        f"The last word is the {asked.last_role}'s, and there are {asked.messages} in all. "
        "I should say who I am and what I cost, and nothing of what I was told."
    )
    return pieces_of(text)[: asked.limit]


def _answer(asked: Asked, order: Order, thought: int) -> Answer:
    """A thought counts against the limit, too."""
    left = None if asked.limit is None else asked.limit - thought
    return Answer((), "length") if left == 0 else answers_to(replace(asked, limit=left), order.provider)[0]


def _blocks(order: Order, thought: tuple[str, ...], answer: Answer) -> list[Block]:
    thoughts = [thought_block(order.provider, thought)] if thought else []
    if answer.call:
        return [*thoughts, call_block(f"toolu_{order.id}", answer.call, answer.pieces)]
    return [*thoughts, text_block(answer.pieces)] if answer.pieces else thoughts


def _message(order: Order, asked: Asked, answer: Answer, blocks: list[Block]) -> dict[str, Any]:
    return {
        "id": f"msg_{order.id}",
        "type": "message",
        "role": "assistant",
        "model": order.model.name,
        "content": [block.whole for block in blocks],
        "stop_reason": "stop_sequence" if answer.stop else _STOP_REASON[answer.finish],
        "stop_sequence": answer.stop,
        "usage": {
            "input_tokens": asked.prompt_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": sum(block.tokens for block in blocks),
            "service_tier": "standard",
        },
    }
