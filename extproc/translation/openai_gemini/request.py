"""A chat request of the OpenAI dialect as the body of generateContent.

Law: names of tools are written alike wherever they stand. What cannot be said is a loss by its name; what would be an
answer to half a question is a refusal.
"""

import hashlib
import re
from typing import Any, Final

from extproc.dialects.json_schema import for_gemini
from extproc.dialects.openai.chat import Chat, Schema, Tool
from extproc.dialects.openai.parts import Wrong
from extproc.dialects.tool_ids import GEMINI_NAME, tool_names
from extproc.refusal import Reason, Refusal
from extproc.translation import loss_names
from extproc.translation.chat_asked import names_in
from extproc.translation.openai_gemini.extras import Extras, extras_of
from extproc.translation.openai_gemini.media import refused_media
from extproc.translation.openai_gemini.settings import GeminiSettings
from extproc.translation.openai_gemini.turns import GeminiTurns
from extproc.translation.pair import Call, Destination

_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
_TIERS: Final = ("flex", "priority")
_OF_NOTHING: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "title", "description", "$schema"}
)


def gemini_request(chat: Chat, call: Call, to: Destination) -> "GeminiRequest | Refusal":
    refusal = refused_media(chat, to)
    if refusal is not None:
        return refusal
    try:
        made = GeminiRequest(chat, extras_of(call, chat), call.stream, to)
    except Wrong as error:
        return Refusal(Reason.INVALID_REQUEST, f"{error}.", param=error.place)
    if not made.body["contents"]:
        return Refusal(Reason.INVALID_REQUEST, "`messages` hold nothing that could be answered.", param="messages")
    return made


class GeminiRequest:
    def __init__(self, chat: Chat, extras: Extras, stream: bool, to: Destination) -> None:
        """Raises Wrong."""
        self._chat = chat
        self._extras = extras
        self._to = to
        self._names = tool_names(names_in(chat), GEMINI_NAME)
        self.lost: set[str] = set(extras.lost)
        known = to.traits
        settings = GeminiSettings(chat, known, extras, stream)
        self.lost |= settings.lost
        turns = GeminiTurns(chat, self._names, signs=known.signs_calls, has_system=known.takes_system_role)
        self.body: dict[str, Any] = {"contents": turns.contents()}
        self.lost |= turns.lost
        self._instruct(turns.system(), settings.told)
        if settings.has_tools:
            self._offer_tools()
        if settings.config:
            self.body["generationConfig"] = settings.config
        self._add_extras()

    def _instruct(self, system: list[dict[str, Any]], told: str | None) -> None:
        contents = self.body["contents"]
        if told is not None and (system or self._to.traits.takes_system_role):
            system = [*system, {"text": told}]
        elif told is not None and contents:
            contents[0]["parts"].append({"text": told})
        if system and contents:
            self.body["systemInstruction"] = {"parts": system}

    # --- tools -------------------------------------------------------------------------------------------------------

    def _offer_tools(self) -> None:
        choice = self._chat.choice
        offered = {self._names.told(tool.name): tool for tool in self._chat.tools}
        wanted = [self._names.told(name) for name in choice.names] if choice is not None else []
        if wanted and not any(name in offered for name in wanted):
            raise Wrong("tool_choice", "the name of one of `tools`")
        if choice is not None and choice.kind == "auto" and wanted:  # it can be held to names only if it must call
            offered = {name: tool for name, tool in offered.items() if name in wanted}
        if any(tool.strict for tool in offered.values()):
            self.lost.add(loss_names.STRICT)
        self.body["tools"] = [{"functionDeclarations": [_declaration(name, tool) for name, tool in offered.items()]}]
        calling = self._calling([name for name in dict.fromkeys(wanted) if name in offered])
        if calling is not None:
            self.body["toolConfig"] = {"functionCallingConfig": calling}

    def _calling(self, wanted: list[str]) -> dict[str, Any] | None:
        choice = self._chat.choice
        if choice is None:
            return None
        if choice.kind == "required" and not self._to.traits.forced_tools:
            self.lost.add("tool_choice")
            return {"mode": "AUTO"}
        if choice.kind == "required":
            return {"mode": "ANY", **({"allowedFunctionNames": wanted} if wanted else {})}
        return {"mode": choice.kind.upper()}

    # --- what is not of the chat itself ------------------------------------------------------------------------------

    def _add_extras(self) -> None:
        extras, on_vertex = self._extras, self._to.provider.dialect == "vertex"
        if extras.cached_content is not None:
            self.body["cachedContent"] = extras.cached_content
        if extras.safety_settings:
            self.body["safetySettings"] = self._safety(on_vertex)
        if extras.service_tier in _TIERS and not on_vertex:
            self.body["serviceTier"] = extras.service_tier
        elif "service_tier" in self._chat.asked:
            self.lost.add("service_tier")
        if self._chat.user is not None and on_vertex:
            self.body["labels"] = {"user": _label(self._chat.user)}
        elif self._chat.user is not None:
            self.lost.add("user")

    def _safety(self, on_vertex: bool) -> list[dict[str, str]]:
        """AI Studio knows one method of measuring harm only."""
        if on_vertex:
            return self._extras.safety_settings
        if any("method" in setting for setting in self._extras.safety_settings):
            self.lost.add("safety_settings.method")
        return [
            {"category": setting["category"], "threshold": setting["threshold"]}
            for setting in self._extras.safety_settings
        ]


def _declaration(name: str, tool: Tool) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": name}
    if tool.description is not None:
        declared["description"] = tool.description
    if _takes_anything(tool.parameters):
        declared["parametersJsonSchema"] = for_gemini(tool.parameters or {}).schema
    return declared


def _takes_anything(parameters: Schema | None) -> bool:
    """An object without properties is no schema of parameters to Gemini: it is left out."""
    return parameters is not None and bool(parameters.get("properties") or parameters.keys() - _OF_NOTHING)


def _label(user: str) -> str:
    """Labels know few letters; another user gets another one."""
    return (
        user
        if _LABEL.fullmatch(user)
        else f"u-{hashlib.sha256(user.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
    )
