"""`/chat` with a `prompt`: a chat request in the shortest form, put into the usual one before any pair sees it.

Law: `prompt` is one user message; a body that has `messages` already is a chat request as it stands.
"""

from dataclasses import replace
from typing import Final

import msgspec

from extproc.dialects.json_edit import NotAnObject, edit_members, members
from extproc.refusal import Reason, Refusal
from extproc.translation.pair import Call

ENDPOINT: Final = "prompt"
_CHAT_PATH: Final = "/v1/chat/completions"


def as_pairs_know(endpoint: str) -> str:
    return "chat" if endpoint == ENDPOINT else endpoint


def as_chat(call: Call) -> Call | Refusal:
    """The call as every pair knows it. A call whose body has not been read is left without one."""
    if call.endpoint != ENDPOINT:
        return call
    chat = replace(call, endpoint="chat", path=_CHAT_PATH)
    if call.body is None:
        return chat
    try:
        found = members(call.body)
        raws = {member.key: member.raw for member in found}
        if "messages" in raws:
            return replace(chat, body=edit_members(call.body, found, {}, {"prompt"}))
        prompt = msgspec.json.decode(raws.get("prompt", msgspec.Raw(b"null")))
        if not isinstance(prompt, str) or not prompt:
            return Refusal(Reason.INVALID_REQUEST, "`prompt` must be a string that is not empty.", param="prompt")
        messages = msgspec.json.encode([{"role": "user", "content": prompt}])
        return replace(chat, body=edit_members(call.body, found, {"messages": messages}, {"prompt"}))
    except NotAnObject as error:
        return Refusal(Reason.INVALID_JSON, f"The request cannot be sent on: {error}.")
