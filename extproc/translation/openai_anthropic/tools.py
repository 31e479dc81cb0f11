"""What Claude may call, and the form in which it answers: tools, tool_choice, response_format.

Law: a schema of the answer has a field of its own where the model knows it; elsewhere it is the input of a tool that
Claude is made to call, whose call is turned back into content. Tools that the conversation used are always declared.
What a grammar cannot hold moves into descriptions, and is named.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from extproc.dialects.anthropic import NAME
from extproc.dialects.json_schema import for_grammar, for_tool_input
from extproc.dialects.model_families import Traits
from extproc.dialects.openai.chat import AnswerFormat, Chat, Choice, Tool
from extproc.dialects.tool_ids import ToolNames, tool_names
from extproc.dialects.turns import Dialogue
from extproc.refusal import Reason, Refusal
from extproc.translation import loss_names
from extproc.translation.chat_asked import names_in
from extproc.translation.openai_anthropic.content import Block, cached

ANSWER_TOOL: Final = "answer_as_json"
JSON_ONLY: Final = "Answer with one JSON object and nothing else: no words around it, no code fence."
_ANSWER_TOOL_DESCRIPTION: Final = "Gives the user your final answer. Call it once, when nothing else is to be called."
JSON_OF_SCHEMA: Final = "Answer with JSON of this schema and nothing else: no words around it, no code fence."
_STUB: Final = "It can no longer be called."


@dataclass(slots=True)
class Toolbox:
    names: ToolNames
    tools: list[Block] = field(default_factory=list)
    choice: Block | None = None
    format: Block | None = None  # of output_config
    instruction: str | None = None  # what the system's words say beside the caller's
    answer_tool: str | None = None  # its call is the answer
    lost: set[str] = field(default_factory=set)

    @property
    def forced(self) -> bool:
        return self.choice is not None and self.choice["type"] in ("any", "tool")


def toolbox(chat: Chat, talk: Dialogue, known: Traits) -> Toolbox | Refusal:
    box = Toolbox(tool_names(names_in(chat), NAME))
    offered = _offered(chat, box)
    if isinstance(offered, Refusal):
        return offered
    box.tools = [_tool(tool, known, box) for tool in offered]
    _choose(box, chat.choice if box.tools else None, known)
    if chat.format is not None:
        _shape_answer(box, chat, chat.format, known)
    if not box.tools and talk.uses_tools:
        box.tools = _stubs(talk, box.names)
        box.choice = {"type": "none"}
    if chat.parallel_tool_calls is False and box.tools:
        _one_call(box, known)
    return box


def answer_tool_of(chat: Chat, known: Traits) -> str | None:
    """The tool whose call is the answer, if the request of this chat has one."""
    form = chat.format
    if form is None or form.kind != "json_schema" or known.native_json_schema or not known.forced_tools:
        return None
    if _must_call(chat) or (form.schema or {}).get("type", "object") != "object":
        return None
    taken = {tool.name for tool in chat.tools}
    return next(name for name in _spellings() if name not in taken)


def _spellings() -> Iterable[str]:
    name = ANSWER_TOOL
    while True:
        yield name
        name += "_"


# --- tools -----------------------------------------------------------------------------------------------------------


def _offered(chat: Chat, box: Toolbox) -> list[Tool] | Refusal:
    """Each name once; of several allowed ones only those."""
    by_name: dict[str, Tool] = {}
    for tool in chat.tools:
        if by_name.setdefault(tool.name, tool) is not tool:
            box.lost.add("tools")
    allowed = chat.choice.names if chat.choice is not None else ()
    missing = [name for name in allowed if name not in by_name]
    if missing and by_name:
        text = f"`tool_choice` names a tool that `tools` does not hold: {missing[0][:64]}."
        return Refusal(Reason.INVALID_REQUEST, text, param="tool_choice")
    if allowed and not _is_one_forced(chat.choice):
        return [tool for tool in by_name.values() if tool.name in allowed]
    return list(by_name.values())


def _tool(tool: Tool, known: Traits, box: Toolbox) -> Block:
    schema = for_tool_input(tool.parameters)
    box.lost.update(f"tools.function.parameters.{keyword}" for keyword in schema.moved)
    block: Block = {"name": box.names.told(tool.name), "input_schema": schema.schema}
    if tool.description:
        block["description"] = tool.description
    if tool.strict and not known.native_json_schema:
        box.lost.add(loss_names.STRICT)
    elif tool.strict:
        closed = for_grammar(schema.schema)
        box.lost.update(f"tools.function.parameters.{keyword}" for keyword in closed.moved)
        block |= {"input_schema": closed.schema, "strict": True}
    return cached(block, tool.cache)


def _stubs(talk: Dialogue, names: ToolNames) -> list[Block]:
    used = dict.fromkeys(names.told(call.name) for turn in talk.turns for call in turn.calls)
    empty: dict[str, Any] = {"type": "object", "properties": {}}
    return [{"name": name, "description": _STUB, "input_schema": empty} for name in used]


# --- tool_choice -----------------------------------------------------------------------------------------------------


def _choose(box: Toolbox, choice: Choice | None, known: Traits) -> None:
    if choice is None:
        return
    if choice.kind != "required":
        box.choice = {"type": choice.kind}
    elif not known.forced_tools:
        box.choice = {"type": "auto"}
        box.lost.add("tool_choice")
    elif _is_one_forced(choice):
        box.choice = {"type": "tool", "name": box.names.told(choice.names[0])}
    else:
        box.choice = {"type": "any"}


def _is_one_forced(choice: Choice | None) -> bool:
    return choice is not None and choice.kind == "required" and len(choice.names) == 1


def _one_call(box: Toolbox, known: Traits) -> None:
    choice = box.choice or {"type": "auto"}
    if choice["type"] == "none":
        return
    if not known.parallel_tools:
        box.lost.add("parallel_tool_calls")
        return
    box.choice = {**choice, "disable_parallel_tool_use": True}


# --- response_format -------------------------------------------------------------------------------------------------


def _shape_answer(box: Toolbox, chat: Chat, form: AnswerFormat, known: Traits) -> None:
    if form.kind == "json_object":
        box.instruction = JSON_ONLY
    elif form.kind == "json_schema" and known.native_json_schema:
        made = for_grammar(form.schema or {})
        box.format = {"type": "json_schema", "schema": made.schema}
        box.lost.update(f"response_format.json_schema.{keyword}" for keyword in made.moved)
    elif form.kind == "json_schema" and not _must_call(chat):
        box.answer_tool = answer_tool_of(chat, known)
        if box.answer_tool is None:
            schema = msgspec.json.encode(form.schema).decode()
            box.instruction = f"{JSON_OF_SCHEMA}\n{schema}"
            box.lost.add("response_format.json_schema")
        else:
            _answer_by_tool(box, box.answer_tool, form, known)


def _answer_by_tool(box: Toolbox, name: str, form: AnswerFormat, known: Traits) -> None:
    schema = for_tool_input(form.schema)
    box.lost.update(f"response_format.json_schema.{keyword}" for keyword in schema.moved)
    description = f"{_ANSWER_TOOL_DESCRIPTION} {form.description or ''}".rstrip()
    may_call = bool(box.tools) and (box.choice or {}).get("type") != "none"
    box.tools.append({"name": name, "description": description, "input_schema": schema.schema})
    single = {"disable_parallel_tool_use": True} if known.parallel_tools else {}
    box.choice = {"type": "any"} if may_call else {"type": "tool", "name": name, **single}


def _must_call(chat: Chat) -> bool:
    """What comes is a call of a tool of the caller's, and no answer yet."""
    return chat.choice is not None and chat.choice.kind == "required" and bool(chat.tools)
