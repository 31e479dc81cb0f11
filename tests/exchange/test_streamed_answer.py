"""A translated stream that comes compressed and cannot be read to its end."""

import gzip
import json

import pytest

from extproc.dialects.inflate import Inflate
from extproc.exchange.answer_kinds import StreamedAnswer
from extproc.protocol.events import BodyEvent
from extproc.translation.openai_anthropic import OpenAIToAnthropic
from extproc.translation.pair import Call, Destination
from tests.translation.providers import OPENAI

CALL = Call("chat", body=b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}', stream=True)
START = {"type": "message_start", "message": {"model": "claude", "usage": {"input_tokens": 1}}}
EVENTS = b"data: " + json.dumps(START).encode() + b"\n\n"


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(EVENTS + b": " + b"x" * 100_000 + b"\n\n"), gzip.compress(EVENTS) + b"\x1f\x8b broken " * 400],
    ids=["a bomb", "garbage"],
)
async def test_what_cannot_be_inflated_ends_in_an_error_event_however_much_of_it_still_comes(packed: bytes) -> None:
    stream = OpenAIToAnthropic().stream(CALL, Destination(OPENAI, "claude"))
    answer = StreamedAnswer(stream, changes=True, inflate=Inflate("gzip", limit=1000))
    pieces = [packed[at : at + 40] for at in range(0, len(packed), 40)]
    said = b""
    for piece in [*pieces, *pieces]:
        said += (await answer.on_body(BodyEvent("response", piece, False))).reply.body or b""
    turn = await answer.on_body(BodyEvent("response", b"", True))
    said += turn.reply.body or b""
    assert turn.done
    assert said.count(b'"error"') == 1
    assert b"upstream_garbled" in said
    assert b"[DONE]" not in said
