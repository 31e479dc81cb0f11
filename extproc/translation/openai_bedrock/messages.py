"""A chat's messages → Converse's `system` and `messages`.

Law: what Bedrock refuses of a conversation is never sent: a document without a text beside it, words of the system for
a model that takes none, blocks of tools for one that knows none (they become words), an assistant's last turn that the
model would not continue. Thoughts stand first in a turn and only while the model thinks.
"""

from typing import Final

from extproc.dialects.bedrock_families import Family
from extproc.dialects.openai.chat import Audio, File, Image, Part, Text, ToolCall
from extproc.dialects.openai.shapes import arguments_of, arguments_text
from extproc.dialects.tool_ids import BEDROCK_ID, ToolNames, fitted
from extproc.dialects.turns import Dialogue, Result, Said
from extproc.translation import loss_names
from extproc.translation.openai_bedrock.cache import Block, CachePoints
from extproc.translation.openai_bedrock.media import Files, audio, image
from extproc.translation.openai_bedrock.thoughts import block_of

BESIDE_DOCUMENT: Final = "The attached document is part of this message."
CONTINUE: Final = "Go on exactly where you stopped."
NO_OUTPUT: Final = "(no output)"


class Conversation:
    """One conversation, while it is being written. `lost` is what comes of it beside. May raise Untakeable."""

    def __init__(self, family: Family, names: ToolNames, points: CachePoints, *, thinks: bool, continues: bool) -> None:
        """`continues`: the model takes an assistant's last turn as its own beginning."""
        self._family = family
        self._names = names
        self._points = points
        self._thinks = thinks
        self._continues = continues
        self._files = Files()
        self.lost: set[str] = set()

    def system(self, dialogue: Dialogue, *instructions: str) -> list[Block]:
        """None for a model that takes no such words: they stand in the first turn then."""
        if not self._family.system:
            return []
        said = [block for part in dialogue.system if isinstance(part, Text) for block in self._text(part)]
        if any(not isinstance(part, Text) for part in dialogue.system):
            self.lost.add(loss_names.CONTENT)
        return said + [{"text": instruction} for instruction in instructions]

    def messages(self, dialogue: Dialogue, *instructions: str) -> list[Block]:
        turns: list[Block] = [{"role": turn.role, "content": self._content(turn)} for turn in dialogue.turns]
        if not self._family.system:
            words = [part.text for part in dialogue.system if isinstance(part, Text)]
            turns[0]["content"] = [{"text": word} for word in (*words, *instructions)] + turns[0]["content"]
        if dialogue.prefilled:
            self._end(turns)
        return turns

    def _end(self, turns: list[Block]) -> None:
        """The last turn is the assistant's."""
        if not self._continues:
            self.lost.add(loss_names.PREFILL)
            turns.append({"role": "user", "content": [{"text": CONTINUE}]})
            return
        last = turns[-1]["content"][-1]
        if "text" in last:  # Claude refuses blanks at its end
            last["text"] = last["text"].rstrip()

    def _content(self, turn: Said) -> list[Block]:
        return self._assistant(turn) if turn.role == "assistant" else self._user(turn)

    # --- the user's --------------------------------------------------------------------------------------------------

    def _user(self, turn: Said) -> list[Block]:
        said: list[Block] = []
        shown: list[Part] = []
        for result in turn.results:
            said += self._result(result)
            if not self._shows_results:
                shown += [part for part in result.parts if not isinstance(part, Text)]
        for part in (*shown, *turn.parts):
            said += self._part(part)
        if any("document" in block for block in said) and not any("text" in block for block in said):
            said.append({"text": BESIDE_DOCUMENT})
        return said

    @property
    def _shows_results(self) -> bool:
        """Results may hold pictures and documents; elsewhere these stand behind them."""
        return self._family.tools and (self._family.claude or self._family.nova)

    def _result(self, result: Result) -> list[Block]:
        if not self._family.tools:
            return [{"text": f"[The tool {result.name} answered: {result.text or NO_OUTPUT}]"}]
        content: list[Block] = []
        for part in result.parts:
            if isinstance(part, Text):
                content.append({"text": part.text})
            elif self._shows_results and not isinstance(part, Audio):
                content += self._part(part)[:1]
        made: Block = {"toolUseId": fitted(result.call_id, BEDROCK_ID), "content": content or [{"text": NO_OUTPUT}]}
        if self._family.result_status and result.made_up:
            made["status"] = "error"
        return [{"toolResult": made}, *self._points.after(result.cache)]

    def _part(self, part: Part) -> list[Block]:
        match part:
            case Text():
                return self._text(part)
            case Image():
                return [image(part), *self._points.after(part.cache)]
            case File():
                return [self._files.block(part), *self._points.after(part.cache)]
            case Audio():
                return [audio(part)]

    def _text(self, part: Text) -> list[Block]:
        return [{"text": part.text}, *self._points.after(part.cache)]

    # --- the assistant's ---------------------------------------------------------------------------------------------

    def _assistant(self, turn: Said) -> list[Block]:
        thoughts = turn.thoughts if self._thinks else ()
        said = [block for thought in thoughts if (block := block_of(thought, self._family)) is not None]
        for part in turn.parts:
            if isinstance(part, Text):
                said += self._text(part)
            else:
                self.lost.add(loss_names.CONTENT)
        said += [self._call(call) for call in turn.calls]
        return said or [{"text": NO_OUTPUT}]

    def _call(self, call: ToolCall) -> Block:
        given, broken = arguments_of(call)
        if broken:
            self.lost.add(loss_names.ARGUMENTS)
        if not self._family.tools:
            return {"text": f"[Called the tool {call.name} with {arguments_text(given)}]"}
        id_, name = fitted(call.id, BEDROCK_ID), self._names.told(call.name)
        return {"toolUse": {"toolUseId": id_, "name": name, "input": given}}
