"""Reasoning that Bedrock's models show, between its blocks and the caller's `reasoning_details`.

Law: what is signed or hidden goes back as it came, to Claude alone, whose signatures hold on every platform that serves
it; a thought without a signature is nobody's proof and stays with the caller.
"""

from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.bedrock_families import Family
from extproc.dialects.openai.chat import Thought
from extproc.dialects.tolerant import mapping, text

CLAUDES: Final = "anthropic-claude-v1"
BEDROCKS: Final = "amazon-bedrock-v1"


def signed(said: str, signature: str | None, family: Family) -> Thought:
    return Thought(said, signature or None, origin=CLAUDES if family.claude else BEDROCKS)


def hidden(data: str) -> Thought:
    """Its form is Bedrock's own: what it would be elsewhere nobody says."""
    return Thought(hidden=data, origin=BEDROCKS)


def read(block: Mapping[str, Any], family: Family) -> Thought | None:
    """From a `reasoningContent` of a whole answer."""
    said = mapping(block, "reasoningText")
    if said:
        return signed(text(said, "text"), text(said, "signature"), family)
    redacted = text(block, "redactedContent")
    return hidden(redacted) if redacted else None


def block_of(thought: Thought, family: Family) -> dict[str, Any] | None:
    """A block to be sent back; None where it is not one of ours or cannot be."""
    if not family.claude:
        return None
    if thought.hidden is not None and thought.origin == BEDROCKS:
        return {"reasoningContent": {"redactedContent": thought.hidden}}
    if thought.signature is not None and thought.origin == CLAUDES and thought.hidden is None:
        return {"reasoningContent": {"reasoningText": {"text": thought.text, "signature": thought.signature}}}
    return None
