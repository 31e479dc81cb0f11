"""A dialogue as the messages of Anthropic's API.

Law: reasoning goes back only where it is Claude's own and signed, at the front of its turn; arguments of a call are an
object, whatever the caller wrote; no more than four cache hints are sent, and no longer one behind a shorter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from extproc.dialects.anthropic import ID, MOST_CACHE_HINTS, ORIGIN
from extproc.dialects.openai.chat import Thought, ToolCall
from extproc.dialects.openai.shapes import arguments_of
from extproc.dialects.tool_ids import ToolNames, fitted
from extproc.dialects.turns import Dialogue, Result, Said
from extproc.translation import loss_names
from extproc.translation.openai_anthropic.content import Block, blocks, cached, text_block

CONTINUE: Final = "Go on from where your last message ends."


@dataclass(frozen=True, slots=True)
class Messages:
    messages: list[Block]
    lost: frozenset[str] = frozenset()


def messages_of(talk: Dialogue, names: ToolNames, *, thoughts: bool, prefill: bool) -> Messages:
    """`thoughts`: earlier reasoning goes along; `prefill`: the assistant's last words may be left for Claude to end."""
    lost: set[str] = set()
    made = [_message(said, names, thoughts, lost) for said in talk.turns]
    if talk.prefilled and prefill:
        _end_bare(made[-1])
    elif talk.prefilled:
        lost.add(loss_names.PREFILL)
        made.append({"role": "user", "content": [text_block(CONTINUE)]})
    return Messages(made, frozenset(lost))


def signed(thoughts: Iterable[Thought]) -> list[Block]:
    return [block for block in map(_thinking, thoughts) if block is not None]


def _message(said: Said, names: ToolNames, thoughts: bool, lost: set[str]) -> Block:
    content = [_result(result) for result in said.results]
    content += signed(said.thoughts) if thoughts else []
    content += blocks(said.parts)
    content += [_call(call, names, lost) for call in said.calls]
    return {"role": said.role, "content": content}


def _thinking(thought: Thought) -> Block | None:
    if thought.origin != ORIGIN:
        return None
    if thought.hidden is not None:
        return {"type": "redacted_thinking", "data": thought.hidden}
    if thought.signature is not None:
        return {"type": "thinking", "thinking": thought.text, "signature": thought.signature}
    return None


def _call(call: ToolCall, names: ToolNames, lost: set[str]) -> Block:
    given, broken = arguments_of(call)
    if broken:
        lost.add(loss_names.ARGUMENTS)
    return {"type": "tool_use", "id": fitted(call.id, ID), "name": names.told(call.name), "input": given}


def _result(result: Result) -> Block:
    content = blocks(result.parts)
    block: Block = {"type": "tool_result", "tool_use_id": fitted(result.call_id, ID)}
    for inner in content:
        inner.pop("cache_control", None)  # the hint is the whole result's
    if content:
        alone = len(content) == 1 and content[0]["type"] == "text"
        block["content"] = content[0]["text"] if alone else content
    if result.made_up:
        block["is_error"] = True
    return cached(block, result.cache)


def _end_bare(message: Block) -> None:
    """Words that are to be continued must not end in white space."""
    last = message["content"][-1]
    if last["type"] == "text":
        last["text"] = last["text"].rstrip()


# --- cache hints -----------------------------------------------------------------------------------------------------


def bound_cache_hints(body: dict[str, Any]) -> frozenset[str]:
    """Takes off what the API refuses, in place: the earliest beyond four, an hour behind five minutes."""
    hinted = list(_hinted(body))
    lost: set[str] = set()
    for block in hinted[: max(len(hinted) - MOST_CACHE_HINTS, 0)]:
        del block["cache_control"]
        lost.add("cache_control")
    short = False
    for block in hinted[-MOST_CACHE_HINTS:]:
        if short and block["cache_control"].pop("ttl", "5m") == "1h":
            lost.add("cache_control.ttl")
        short = short or block["cache_control"].get("ttl") != "1h"
    return frozenset(lost)


def _hinted(body: dict[str, Any]) -> Iterator[Block]:
    """In the order in which the API reads them."""
    for holder in (body.get("tools", []), body.get("system", []), *(one["content"] for one in body["messages"])):
        yield from (block for block in holder if "cache_control" in block)
