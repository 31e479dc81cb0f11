"""The blocks of a message in Anthropic's dialect, each as a whole and as the pieces that its stream brings.

Law: a thought is signed with the provider's own key, so whoever sends it back must send it unchanged.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import msgspec

from extproc.demo.catalog import Provider
from extproc.demo.wording import Call


@dataclass(frozen=True, slots=True)
class Block:
    whole: dict[str, Any]
    begun: dict[str, Any]  # as a stream announces it, before its first piece
    deltas: tuple[dict[str, Any], ...]  # of a token each
    ending: tuple[dict[str, Any], ...] = ()  # of none

    @property
    def tokens(self) -> int:
        return len(self.deltas)


def text_block(pieces: tuple[str, ...]) -> Block:
    whole = {"type": "text", "text": "".join(pieces)}
    return Block(whole, {**whole, "text": ""}, tuple({"type": "text_delta", "text": piece} for piece in pieces))


def call_block(call_id: str, call: Call, pieces: tuple[str, ...]) -> Block:
    whole = {"type": "tool_use", "id": call_id, "name": call.tool, "input": msgspec.json.decode(call.arguments)}
    deltas = tuple({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    return Block(whole, {**whole, "input": {}}, deltas)


def thought_block(provider: Provider, pieces: tuple[str, ...]) -> Block:
    text = "".join(pieces)
    whole = {"type": "thinking", "thinking": text, "signature": signature_of(provider, text)}
    return Block(
        whole,
        {**whole, "thinking": "", "signature": ""},
        tuple({"type": "thinking_delta", "thinking": piece} for piece in pieces),
        ({"type": "signature_delta", "signature": whole["signature"]},),
    )


def signature_of(provider: Provider, thought: str) -> str:
    signed = hmac.digest(provider.key.encode(), thought.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.b64encode(signed).decode()
