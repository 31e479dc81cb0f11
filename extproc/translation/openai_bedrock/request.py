"""A chat request of the OpenAI dialect, said to Bedrock's Converse.

Law: the model stands in the path alone, quoted as boto3 quotes it. What AWS would refuse is mended or refused here,
with the place where it stands; everything that is not said is named.
"""

from typing import Any, Final

from extproc.dialects.bedrock import PASSED
from extproc.dialects.bedrock_families import family_of, telling_name
from extproc.dialects.model_families import Traits, traits
from extproc.dialects.openai.chat import Chat
from extproc.dialects.path_segment import segment
from extproc.dialects.tool_ids import WORD, tool_names
from extproc.dialects.turns import dialogue
from extproc.refusal import Reason, Refusal
from extproc.translation import loss_names
from extproc.translation.chat_asked import chat_asked, lost_at_once, names_in, passed_on, written
from extproc.translation.openai_bedrock.cache import CachePoints
from extproc.translation.openai_bedrock.media import Untakeable
from extproc.translation.openai_bedrock.messages import Conversation
from extproc.translation.openai_bedrock.settings import Settings, guardrail, performance
from extproc.translation.openai_bedrock.thinking import thinking
from extproc.translation.openai_bedrock.tools import Offered, offering
from extproc.translation.pair import Call, Destination, TranslatedRequest

_AS_WRITTEN: Final = PASSED | {"metadata", "service_tier"}
_JSON: Final = "application/json"
_EVENTS: Final = "application/vnd.amazon.eventstream"


def converse_request(call: Call, to: Destination) -> TranslatedRequest | Refusal:
    chat = chat_asked(call)
    if isinstance(chat, Refusal):
        return chat
    try:
        body, lost = _said(chat, call, to)
    except Untakeable as error:
        return Refusal(Reason.UNSUPPORTED_PARAMETER, f"The request cannot be put to Bedrock: {error}.", "messages")
    except _Wrong as error:
        return Refusal(Reason.INVALID_REQUEST, f"{error}.", error.param)
    except RecursionError:
        return Refusal(Reason.INVALID_REQUEST, "The request cannot be sent on: it nests too deeply.")
    family = family_of(to.model, to.entry)
    streams = call.stream and (family.streams_tools or "toolConfig" not in body)
    path = _path(to, streams)
    if path is None:
        message = f"The model of `{to.provider.name}` cannot be a part of a path."
        return Refusal(Reason.INVALID_REQUEST, message, param="model")
    encoded = written(body)
    if isinstance(encoded, Refusal):
        return encoded
    headers = (("content-type", _JSON), ("accept", _EVENTS if streams else _JSON))
    return TranslatedRequest("POST", path, headers, encoded, tuple(sorted(lost)))


class _Wrong(ValueError):
    def __init__(self, param: str, expected: str) -> None:
        super().__init__(f"`{param}` must be {expected}")
        self.param = param


def _path(to: Destination, streams: bool) -> str | None:
    """An ARN's slashes and colons are quoted: it is one segment."""
    model = segment(to.model, slashes=True)
    if model is None:
        return None
    return f"{to.provider.path_prefix}/model/{model}/{'converse-stream' if streams else 'converse'}"


def _said(chat: Chat, call: Call, to: Destination) -> tuple[dict[str, Any], set[str]]:
    """(the body, what is lost). Raises Untakeable, _Wrong and RecursionError."""
    family, known = family_of(to.model, to.entry), traits(telling_name(to.model, to.entry), to.entry)
    names = tool_names(names_in(chat), WORD)
    _check_choice(chat)
    talk = dialogue(chat.turns)
    if not talk.turns:
        raise _Wrong("messages", "a conversation in which something is said")
    points = CachePoints(family)
    offered = offering(chat, to).put(talk, names, points)
    thought = thinking(chat, family, known, talk, offered.forced)
    continues = family.claude and known.prefill and not thought.on and not offered.forced
    conversation = Conversation(family, names, points, thinks=thought.on, continues=continues)
    settings = Settings(chat, family, known, thought)
    given = passed_on(call, chat.asked, _AS_WRITTEN)
    instructions = offered.instructions
    body: dict[str, Any] = {
        "system": conversation.system(talk, *instructions),
        "messages": conversation.messages(talk, *instructions),
        "inferenceConfig": settings.inference(),
        "toolConfig": offered.config,
        "additionalModelRequestFields": _additional(offered, settings.top_k() | dict(thought.fields)),
        "outputConfig": _output(offered, thought.effort),
        "requestMetadata": settings.metadata(given),
        "serviceTier": settings.tier(given),
        **_passed(given, call.stream),
    }
    points.bound(body)
    lost = _lost_anyhow(chat, to, known) | points.lost | conversation.lost | settings.lost
    return {key: value for key, value in body.items() if value}, lost | offered.losses | set(thought.losses)


def _check_choice(chat: Chat) -> None:
    if chat.choice is not None and chat.tools:
        known = {tool.name for tool in chat.tools}
        if any(name not in known for name in chat.choice.names):
            raise _Wrong("tool_choice", "a function that is one of `tools`")


def _additional(offered: Offered, fields: dict[str, Any]) -> dict[str, Any]:
    return fields if offered.native_choice is None else {**fields, "tool_choice": dict(offered.native_choice)}


def _output(offered: Offered, effort: str | None) -> dict[str, Any]:
    told = {"textFormat": offered.text_format, "effort": effort}
    return {key: value for key, value in told.items() if value is not None}


def _passed(given: dict[str, Any], stream: bool) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if "guardrailConfig" in given:
        told["guardrailConfig"] = guardrail(given["guardrailConfig"], stream)
        if told["guardrailConfig"] is None:
            raise _Wrong("guardrailConfig", "an object with `guardrailIdentifier` and `guardrailVersion`")
    if "performanceConfig" in given:
        told["performanceConfig"] = performance(given["performanceConfig"])
        if told["performanceConfig"] is None:
            raise _Wrong("performanceConfig", "{latency: standard} or {latency: optimized}")
    return told


def _lost_anyhow(chat: Chat, to: Destination, known: Traits) -> set[str]:
    """What the API or its model cannot be told, whatever it is."""
    lost = lost_at_once(chat, to)
    if any(turn.name is not None for turn in chat.turns if turn.role != "tool"):
        lost.add(loss_names.NAME)
    if known.thinking != "none" or chat.reasoning_effort == "none":
        lost.discard(loss_names.EFFORT)  # what becomes of it is told where it is put
    return lost
