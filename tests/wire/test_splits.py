"""However Envoy cuts a body into chunks, what comes back is the same."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from extproc.wire.stream import ProcessorStream
from tests.conversations import messages as say
from tests.conversations.handlers import Scripted, echo
from tests.conversations.peers import bug_answer

BODY = 'data: {"model": "größe", "emoji": "🦊"}\r\n\r\ndata: [DONE]\n\n'.encode()


async def play(direction: str, chunks: list[bytes]) -> tuple[bytes, bytes]:
    handler, bugs = Scripted(echo), []
    stream = ProcessorStream(handler, bug_answer(bugs))
    modes = ("STREAMED", "STREAMED")
    await stream.receive(say.headers("request", say.CHAT, end=direction == "response", modes=modes))
    if direction == "response":
        await stream.receive(say.headers("response", say.OK))
    said = b""
    for number, chunk in enumerate(chunks, 1):
        reply, over = await stream.receive(say.body(direction, chunk, end=number == len(chunks)))
        assert reply is not None and not over
        part = getattr(say.read(reply), f"{direction}_body").response.body_mutation
        said += part.body
        assert part.WhichOneof("mutation") == ("body" if chunk else "clear_body")
    assert bugs == []
    return said, b"".join(event.data for event in handler.seen if hasattr(event, "data"))


@given(st.sampled_from(["request", "response"]), st.lists(st.integers(0, len(BODY)), max_size=12))
def test_every_split_gives_the_same_body(direction, cuts):
    edges = [0, *sorted(cuts), len(BODY)]
    chunks = [BODY[start:end] for start, end in pairwise(edges)]
    assert asyncio.run(play(direction, chunks)) == (BODY, BODY)
