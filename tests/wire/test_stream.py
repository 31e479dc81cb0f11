"""The stream's own promises, beyond what the scripted conversations show."""

import asyncio

import pytest

from extproc.protocol.replies import HeadersReply, ImmediateReply, Turn
from extproc.wire.codec import Garbled, UnsendableHeader
from extproc.wire.stream import Broken, ProcessorStream
from tests.conversations import messages as say
from tests.conversations.handlers import Scripted, go_on
from tests.conversations.peers import bug_answer

BUFFERED = ("BUFFERED", "NONE")
HELLO = say.headers("request", say.CHAT, modes=BUFFERED)


def stream_of(handler, bugs=None) -> ProcessorStream:
    return ProcessorStream(handler, bug_answer([] if bugs is None else bugs))


async def test_closed_twice_reaches_the_handler_once():
    handler = Scripted()
    stream = stream_of(handler)
    await stream.receive(HELLO)
    stream.closed()
    stream.closed()
    assert handler.ends == 1


async def test_closed_without_any_message_reaches_the_handler_too():
    handler = Scripted()
    stream_of(handler).closed()
    assert handler.ends == 1


@pytest.mark.parametrize(
    "answer",
    [lambda event: Turn(go_on(event), done=True), lambda event: ImmediateReply(403, (), b"", "no")],
    ids=["done", "an immediate reply"],
)
async def test_after_its_last_word_the_stream_answers_nothing(answer):
    handler = Scripted(answer)
    stream = stream_of(handler)
    assert (await stream.receive(HELLO))[1]
    assert await stream.receive(say.body("request", b"{}")) == (None, True)
    assert len(handler.seen) == 1


async def test_an_end_without_a_reply_is_the_handlers_right():
    assert await stream_of(Scripted(lambda event: Turn(None, done=True))).receive(HELLO) == (None, True)


async def test_after_garbage_the_stream_is_over():
    handler = Scripted()
    stream = stream_of(handler)
    with pytest.raises(Garbled):
        await stream.receive(b"\xff")
    assert await stream.receive(HELLO) == (None, True)
    assert handler.seen == []


async def test_a_bug_that_comes_too_late_for_an_answer_is_told_and_is_the_cause():
    bugs: list[BaseException] = []

    def answer(event):
        if event.direction == "response" and not hasattr(event, "headers"):
            raise LookupError
        return go_on(event)

    stream = stream_of(Scripted(answer), bugs)
    await stream.receive(say.headers("request", say.GET, end=True, modes=("NONE", "STREAMED")))
    await stream.receive(say.headers("response", say.OK))
    with pytest.raises(Broken) as raised:
        await stream.receive(say.body("response", b"x"))
    assert raised.value.__cause__ is bugs[0]


async def test_a_bug_in_the_bugs_answer_ends_the_stream_with_an_error():
    def worse(bug: BaseException) -> ImmediateReply:
        return ImmediateReply(500, (("x-a", "1\n2"),), b"", "bug")

    stream = ProcessorStream(Scripted(lambda event: HeadersReply("response")), worse)
    with pytest.raises(UnsendableHeader):
        await stream.receive(HELLO)


async def test_a_cancellation_is_no_bug():
    bugs: list[BaseException] = []

    class Waits(Scripted):
        async def on(self, event):
            await asyncio.Event().wait()

    receiving = asyncio.ensure_future(stream_of(Waits(), bugs).receive(HELLO))
    await asyncio.sleep(0)
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert bugs == []
