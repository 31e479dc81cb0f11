"""Tools, their choice and the answer's form → Converse's `toolConfig` and `outputConfig.textFormat`.

Law: where messages hold blocks of tools there is a toolConfig, rebuilt from the history if need be: Bedrock refuses
them otherwise. It knows no `none`: tools are left out where they can be, else the model is told in words. A form of the
answer that the model does not know by itself is the input of one more tool, and the caller reads it as content.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from extproc.dialects.bedrock_families import Family, family_of, telling_name
from extproc.dialects.json_schema import Rewritten, Schema, for_grammar, for_tool_input, inlined
from extproc.dialects.model_families import traits
from extproc.dialects.openai.chat import AnswerFormat, Chat, Tool
from extproc.dialects.tool_ids import WORD, ToolNames, fitted
from extproc.dialects.turns import Dialogue
from extproc.translation import loss_names
from extproc.translation.openai_bedrock.cache import CachePoints
from extproc.translation.pair import Destination

ANSWER_TOOL: Final = "give_the_answer_in_its_form"  # no caller's tool is called so
_ANSWER_TOOL_SAYS: Final = "Gives the final answer to the user, in the form that was asked for."
_STUB_SAYS: Final = "Was used earlier in this conversation."
_NO_CALLS: Final = "Do not call any tool now: answer in words."
_JSON: Final = "Answer with one JSON object and nothing else: no other text, no code fence."
_BY_SCHEMA: Final = "Answer with JSON that is valid by this JSON Schema and nothing else, no code fence: "
_NOVAS_TOP: Final = frozenset({"type", "properties", "required"})


@dataclass(frozen=True, slots=True)
class Offered:
    """What comes of a request's tools and format."""

    config: dict[str, Any] | None = None
    text_format: dict[str, Any] | None = None
    forced: bool = False  # some tool is demanded
    native_choice: Mapping[str, Any] | None = None  # Claude's own tool_choice, which says more than Converse's
    instructions: tuple[str, ...] = ()
    losses: frozenset[str] = field(default_factory=frozenset)


class Offering:
    """One request's, while it is being put together."""

    def __init__(self, chat: Chat, family: Family, native_schema: bool, forces: bool, parallel: bool) -> None:
        """`forces`: the model may be made to call a tool; `parallel`: it may be told not to call several."""
        self._chat = chat
        self._family = family
        self._native_schema = native_schema
        self._choices = family.choices if forces else frozenset()
        self._parallel = parallel
        self._lost: set[str] = set()
        self._said: list[str] = []

    def put(self, dialogue: Dialogue, names: ToolNames, points: CachePoints) -> Offered:
        answer_tool, text_format = self._format()
        choice, tools = self._choice(self._tools())
        specs = self._offered(choice, tools, answer_tool is not None, dialogue, names, points)
        if answer_tool is not None:
            told = self._demand(ANSWER_TOOL if choice == "none" or not tools else None, not specs)
            specs.append(answer_tool)
            if told is None:
                self._instruct_form()
        else:
            told = self._told_choice(choice, tools, names) if specs else None
        native = self._native_choice(told, specs)
        config: dict[str, Any] | None = None
        if specs:
            config = {"tools": specs} | ({"toolChoice": told} if told is not None and native is None else {})
        return Offered(config, text_format, told is not None, native, tuple(self._said), frozenset(self._lost))

    def _offered(
        self,
        choice: str,
        tools: tuple[Tool, ...],
        answers_by_tool: bool,
        dialogue: Dialogue,
        names: ToolNames,
        points: CachePoints,
    ) -> list[dict[str, Any]]:
        """All but the answer's own."""
        if not self._family.tools or (choice == "none" and not dialogue.uses_tools):
            return []
        specs = self._specs(tools, names, points)
        if not specs and dialogue.uses_tools:
            specs = self._stubs(dialogue, names)
        elif choice == "none" and not answers_by_tool:
            self._lost.add("tool_choice")
        if specs and (choice == "none" or not tools) and not answers_by_tool:
            self._said.append(_NO_CALLS)
        return specs

    # --- the tools ---------------------------------------------------------------------------------------------------

    def _tools(self) -> tuple[Tool, ...]:
        if self._family.tools or not self._chat.tools:
            return self._chat.tools
        self._lost.add("tools")
        return ()

    def _specs(self, tools: tuple[Tool, ...], names: ToolNames, points: CachePoints) -> list[dict[str, Any]]:
        specs: list[dict[str, Any]] = []
        seen: set[str] = set()
        for tool in tools:
            name = names.told(tool.name)
            if name in seen:
                continue
            seen.add(name)
            specs.append(self._spec(name, tool))
            if self._family.caches_tools:
                specs += points.after(tool.cache)
        return specs

    def _spec(self, name: str, tool: Tool) -> dict[str, Any]:
        made = self._fitted(tool.parameters, bool(tool.strict))
        self._lost |= {f"tools.function.parameters.{key}" for key in made.moved}
        spec: dict[str, Any] = {"name": name, "inputSchema": {"json": made.schema}}
        if tool.description:
            spec["description"] = tool.description
        if tool.strict and self._family.strict_tools:
            spec["strict"] = True
        elif tool.strict:
            self._lost.add(loss_names.STRICT)
        return {"toolSpec": spec}

    def _fitted(self, parameters: Schema | None, strict: bool) -> Rewritten:
        made = for_tool_input(parameters)
        moved = set(made.moved)
        if strict and self._family.strict_tools:
            made = for_grammar(made.schema)
        elif self._family.nova:  # at the top it knows these alone
            made = inlined(made.schema)
            made = Rewritten({key: one for key, one in made.schema.items() if key in _NOVAS_TOP}, made.moved)
        return Rewritten(made.schema, tuple(sorted(moved | set(made.moved))))

    def _stubs(self, dialogue: Dialogue, names: ToolNames) -> list[dict[str, Any]]:
        """The history's tools, though the caller offers none now."""
        called = dict.fromkeys(names.told(call.name) for turn in dialogue.turns for call in turn.calls)
        anything = {"json": {"type": "object", "properties": {}}}
        return [{"toolSpec": {"name": name, "description": _STUB_SAYS, "inputSchema": anything}} for name in called]

    # --- which of them -----------------------------------------------------------------------------------------------

    def _choice(self, tools: tuple[Tool, ...]) -> tuple[str, tuple[Tool, ...]]:
        """(auto, none, required or one: a certain one; the tools among which it is made)"""
        choice = self._chat.choice
        if choice is None or not tools:
            return "auto", tools
        if choice.kind == "none" or not choice.names:
            return choice.kind, tools
        named = tuple(tool for tool in tools if tool.name in choice.names) or tools
        single = choice.kind == "required" and len({tool.name for tool in named}) == 1 and len(choice.names) == 1
        return ("one", named) if single else (choice.kind, named)

    def _told_choice(self, choice: str, tools: tuple[Tool, ...], names: ToolNames) -> dict[str, Any] | None:
        """Converse's toolChoice; None: the model decides."""
        if choice not in ("one", "required"):
            return None
        told = self._demand(names.told(tools[0].name) if choice == "one" else None, len(tools) == 1)
        if told is None:
            self._lost.add("tool_choice")
        return told

    def _demand(self, name: str | None, alone: bool) -> dict[str, Any] | None:
        if name is not None and "tool" in self._choices:
            return {"tool": {"name": name}}
        if "any" in self._choices and (name is None or alone):
            return {"any": {}}
        return None

    def _native_choice(self, told: dict[str, Any] | None, specs: list[dict[str, Any]]) -> Mapping[str, Any] | None:
        """No more than one call in a turn: only Claude can be told, and only in its own words."""
        if self._chat.parallel_tool_calls is not False or not specs:
            return None
        if not (self._family.claude and self._parallel):
            self._lost.add("parallel_tool_calls")
            return None
        if told is None:
            return {"type": "auto", "disable_parallel_tool_use": True}
        named = told.get("tool")
        kind = {"type": "tool", **named} if named else {"type": "any"}
        return {**kind, "disable_parallel_tool_use": True}

    # --- the answer's form -------------------------------------------------------------------------------------------

    @property
    def answers_by_tool(self) -> bool:
        """The answer is the input of a tool of ours."""
        wanted = self._chat.format
        if wanted is None or wanted.kind != "json_schema" or self._native_schema or self._demanded:
            return False
        if (wanted.schema or {}).get("type", "object") != "object":  # a tool's input is one
            return False
        chooses = self._chat.tools and not (self._chat.choice is not None and self._chat.choice.kind == "none")
        return self._family.tools and ("any" in self._choices if chooses else bool(self._choices))

    @property
    def _demanded(self) -> bool:
        """What comes is a call of the caller's own tools: it has no form."""
        choice = self._chat.choice
        return self._family.tools and choice is not None and choice.kind == "required" and bool(self._chat.tools)

    def _format(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """(the tool whose input is the answer, the text format)"""
        wanted = self._chat.format
        if wanted is None or wanted.kind == "text":
            return None, None
        if wanted.kind == "json_object":
            self._said.append(_JSON)
            return None, None
        if self._native_schema:
            return None, self._text_format(wanted)
        if self.answers_by_tool:
            return self._answer_tool(wanted), None
        if not self._demanded:
            self._instruct_form()
        return None, None

    def _instruct_form(self) -> None:
        schema = self._chat.format.schema if self._chat.format is not None else None
        self._said.append(_BY_SCHEMA + msgspec.json.encode(schema or {}).decode())
        self._lost.add("response_format.json_schema")

    def _answer_tool(self, wanted: AnswerFormat) -> dict[str, Any]:
        says = f"{_ANSWER_TOOL_SAYS} {wanted.description}" if wanted.description else _ANSWER_TOOL_SAYS
        made = self._fitted(wanted.schema, strict=False)
        self._lost |= {f"response_format.json_schema.{key}" for key in made.moved}
        return {"toolSpec": {"name": ANSWER_TOOL, "description": says, "inputSchema": {"json": made.schema}}}

    def _text_format(self, wanted: AnswerFormat) -> dict[str, Any]:
        made = for_grammar(wanted.schema or {})
        self._lost |= {f"response_format.json_schema.{key}" for key in made.moved}
        inside = {"schema": msgspec.json.encode(made.schema).decode(), "name": fitted(wanted.name, WORD)}
        if wanted.description:
            inside["description"] = wanted.description
        return {"type": "json_schema", "structure": {"jsonSchema": inside}}


def offering(chat: Chat, to: Destination) -> Offering:
    family, known = family_of(to.model, to.entry), traits(telling_name(to.model, to.entry), to.entry)
    # Elsewhere more models know schemas: of those that are not Claude the model's entry must say it.
    said = to.entry.capabilities if to.entry is not None else frozenset()
    native = known.native_json_schema and (family.claude or "native_json_schema" in said)
    return Offering(chat, family, native, known.forced_tools, known.parallel_tools)
