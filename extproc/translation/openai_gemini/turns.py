"""A chat's messages as Gemini's `systemInstruction` and `contents`.

Law: results of tools stand in the turn behind their calls, in the calls' order, under the tools' names, and each is an
object. A call of Gemini 3 carries the signature that came with it; where the caller lost it, the first of its turn
carries Google's word for «do not check», and the model is asked all the same. Ids go to models that give some.
"""

from collections.abc import Sequence
from typing import Any, Final

from extproc.dialects.gemini import ORIGIN
from extproc.dialects.openai.chat import Chat, Part, Text, Thought, ToolCall
from extproc.dialects.openai.shapes import arguments_of
from extproc.dialects.tolerant import decoded
from extproc.dialects.tool_ids import ToolNames
from extproc.dialects.turns import Dialogue, Result, Said, dialogue
from extproc.translation import loss_names
from extproc.translation.openai_gemini.media import native

UNSIGNED: Final = "skip_thought_signature_validator"

Native = dict[str, Any]


class GeminiTurns:
    """`signs`: the model signs its calls and wants the signatures back. `has_system`: instructions have a place of
    their own; else the first turn begins with them."""

    def __init__(self, chat: Chat, names: ToolNames, *, signs: bool, has_system: bool) -> None:
        self._names = names
        self._signs = signs
        self._has_system = has_system
        self._dialogue: Dialogue = dialogue(chat.turns)
        self.lost: set[str] = set()

    def system(self) -> list[Native]:
        """Text alone: other contents of instructions stand at the beginning of the first turn."""
        return [native(part) for part in self._dialogue.system if self._is_instruction(part)]

    def contents(self) -> list[Native]:
        turns = self._dialogue.turns
        contents = [self._content(turn) for turn in turns]
        first = [native(part) for part in self._dialogue.system if not self._is_instruction(part)]
        if first and contents:
            contents[0]["parts"] = first + contents[0]["parts"]
        elif first:
            contents = [{"role": "user", "parts": first}]
        return contents

    def _is_instruction(self, part: Part) -> bool:
        return self._has_system and isinstance(part, Text)

    def _content(self, said: Said) -> Native:
        if said.role == "assistant":
            return {"role": "model", "parts": self._answer(said)}
        parts = [self._response(result) for result in said.results]
        parts += [part for result in said.results for part in self._shown(result)]
        return {"role": "user", "parts": parts + [native(part) for part in said.parts]}

    def _answer(self, said: Said) -> list[Native]:
        own = [thought for thought in said.thoughts if thought.origin == ORIGIN]
        parts = [native(part) for part in said.parts]
        signature = next((thought.signature for thought in reversed(own) if thought.signature), None)
        spoken = [part for part in parts if "text" in part]
        if signature is not None and spoken:
            spoken[-1]["thoughtSignature"] = signature
        return parts + self._calls(said.calls, own)

    def _calls(self, calls: Sequence[ToolCall], own: Sequence[Thought]) -> list[Native]:
        """A signature stands at its call, or among the turn's thoughts in the calls' order."""
        kept = [thought.hidden for thought in own if thought.hidden is not None]
        made = []
        for index, call in enumerate(calls):
            arguments, broken = arguments_of(call)
            if broken:
                self.lost.add(loss_names.ARGUMENTS)
            part: Native = {
                "functionCall": {"name": self._names.told(call.name), "args": arguments, **self._id(call.id)}
            }
            signature = call.signature or (kept[index] if index < len(kept) else None)
            if signature is None and index == 0 and self._signs:
                signature = UNSIGNED
            if signature is not None:
                part["thoughtSignature"] = signature
            made.append(part)
        return made

    def _response(self, result: Result) -> Native:
        told = decoded(result.text)
        response = told if isinstance(told, dict) else {"error" if result.made_up else "output": result.text}
        name = self._names.told(result.name)
        return {"functionResponse": {"name": name, "response": response, **self._id(result.call_id)}}

    def _shown(self, result: Result) -> list[Native]:
        """What a tool gave back beside text."""
        shown = [native(part) for part in result.parts if not isinstance(part, Text)]
        return [{"text": f"Shown by {result.name}:"}, *shown] if shown else []

    def _id(self, id_: str) -> Native:
        return {"id": id_} if self._signs else {}
