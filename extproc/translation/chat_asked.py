"""The caller's chat request, read for a pair; and its other members, for APIs that know them too.

Law: what cannot be read is a refusal that says where. The request of one call is always read the same.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from extproc.dialects.json_edit import NotAnObject, members
from extproc.dialects.losses import losses
from extproc.dialects.openai.chat import Chat
from extproc.dialects.openai.chat_reading import read_chat
from extproc.dialects.openai.request import WrongField
from extproc.dialects.tolerant import decoded
from extproc.dialects.tool_ids import Shape, tool_names
from extproc.dialects.turns import Dialogue, dialogue
from extproc.refusal import Reason, Refusal
from extproc.translation.pair import Call, Destination


def chat_asked(call: Call) -> Chat | Refusal:
    if call.body is None:
        return Refusal(Reason.INTERNAL_ERROR, "The body was not read although it has to change.")
    try:
        return read_chat(call.body)
    except NotAnObject as error:
        return Refusal(Reason.INVALID_JSON, f"The request cannot be sent on: {error}.")
    except WrongField as error:
        return Refusal(Reason.INVALID_REQUEST, f"{error}.", param=error.field)


def said_in(chat: Chat) -> Dialogue | Refusal:
    """For APIs that want turns in order."""
    talk = dialogue(chat.turns)
    if talk.turns:
        return talk
    return Refusal(Reason.INVALID_REQUEST, "`messages` must hold one message that is not blank.", param="messages")


def lost_at_once(chat: Chat, to: Destination) -> set[str]:
    """What the target cannot be told, whatever it is; a pair adds what it loses of the rest."""
    notice = to.entry.notice if to.entry is not None else None
    told = {f"model: {notice}"} if notice else set()
    return told | set(losses(to.provider.dialect, to.model, to.entry, chat.asked))


def passed_on(call: Call, asked: Collection[str], names: Collection[str]) -> dict[str, Any]:
    """Of `names` those that were asked for, as the caller wrote them."""
    wanted = set(names) & set(asked)
    if not wanted or call.body is None:
        return {}
    return {member.key: decoded(bytes(member.raw)) for member in members(call.body) if member.key in wanted}


def written(body: dict[str, Any]) -> bytes | Refusal:
    try:
        return msgspec.json.encode(body)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return Refusal(Reason.INVALID_REQUEST, "The request cannot be sent on: it nests too deeply.")


def meant_name(call: Call, told: str, shape: Shape) -> str:
    """What the caller calls the tool that the provider was told of under a name that fits."""
    if call.body is None or msgspec.json.encode(told) in call.body:
        return told
    chat = chat_asked(call)
    return told if isinstance(chat, Refusal) else tool_names(names_in(chat), shape).meant(told)


def names_in(chat: Chat) -> list[str]:
    return [offered.name for offered in chat.tools] + [call.name for turn in chat.turns for call in turn.calls]
