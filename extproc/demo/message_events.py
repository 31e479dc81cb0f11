"""A message in Anthropic's dialect as its sequence of events.

Law: put together, the events are the message that a caller gets who does not stream; only deltas take time.
"""

from collections.abc import Iterator
from typing import Any

from extproc.demo.message_blocks import Block
from extproc.demo.pace import Paced
from extproc.demo.reply import named_event


def events(message: dict[str, Any], blocks: list[Block]) -> Iterator[Paced]:
    usage = message["usage"]
    begun = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    yield 0, named_event({"type": "message_start", "message": {**begun, "usage": {**usage, "output_tokens": 1}}})
    for place, block in enumerate(blocks):
        yield from _block_events(place, block)
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    told = {"output_tokens": usage["output_tokens"]}
    yield 0, named_event({"type": "message_delta", "delta": ending, "usage": told})
    yield 0, named_event({"type": "message_stop"})


def _block_events(place: int, block: Block) -> Iterator[Paced]:
    yield 0, named_event({"type": "content_block_start", "index": place, "content_block": block.begun})
    if place == 0:
        yield 0, named_event({"type": "ping"})
    for delta in block.deltas:
        yield 1, named_event({"type": "content_block_delta", "index": place, "delta": delta})
    for delta in block.ending:
        yield 0, named_event({"type": "content_block_delta", "index": place, "delta": delta})
    yield 0, named_event({"type": "content_block_stop", "index": place})
