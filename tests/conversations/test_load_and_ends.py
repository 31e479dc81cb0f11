"""Many streams, large bodies, and every way in which a stream ends."""

import asyncio

from extproc.protocol.events import BodyEvent
from tests.conversations import messages as say
from tests.conversations.handlers import Scripted, echo
from tests.conversations.peers import PATIENCE, End

BUFFERED = ("BUFFERED", "NONE")
STREAMED = ("STREAMED", "NONE")


async def test_a_new_stream_is_answered_while_a_thousand_are_open(peer, directory):
    await peer.start(lambda metadata: Scripted(), directory)
    idle = [peer.open() for _ in range(1000)]
    hello = say.headers("request", say.CHAT, modes=BUFFERED)
    answers = await asyncio.gather(*(line.say(hello) for line in idle))
    assert {say.kind(answer) for answer in answers} == {"request_headers"}
    assert peer.open_streams() == 1000
    late = peer.open()
    assert say.kind(await late.say(hello)) == "request_headers"
    assert say.kind(await late.say(say.body("request", b"{}"))) == "request_body"
    assert peer.open_streams() == 1001


async def test_a_body_of_twelve_megabytes_passes_there_and_back(peer, directory):
    await peer.start(lambda metadata: Scripted(echo), directory)
    line = peer.open()
    await line.say(say.headers("request", say.CHAT, modes=BUFFERED))
    large = bytes(range(256)) * (12 * 4096)
    reply = say.read(await line.say(say.body("request", large)))
    assert reply.request_body.response.body_mutation.body == large


async def test_a_reset_in_the_middle_of_a_body_closes_the_handler_once_and_quietly(peer, directory, caplog):
    handler = Scripted()
    await peer.start(lambda metadata: handler, directory)
    line = peer.open()
    await line.say(say.headers("request", say.CHAT, modes=STREAMED))
    await line.say(say.body("request", b"half", end=False))
    await line.reset()
    await asyncio.wait_for(handler.ended.wait(), PATIENCE)
    await until(lambda: peer.open_streams() == 0)
    assert handler.ends == 1
    assert peer.bugs == []
    assert caplog.records == []


async def test_a_reset_while_the_handler_thinks_closes_it_once(peer, directory, caplog):
    thinking = asyncio.Event()

    class Slow(Scripted):
        async def on(self, event):
            if isinstance(event, BodyEvent):
                thinking.set()
                await asyncio.Event().wait()
            return await super().on(event)

    handler = Slow()
    await peer.start(lambda metadata: handler, directory)
    line = peer.open()
    await line.say(say.headers("request", say.CHAT, modes=BUFFERED))
    speaking = asyncio.ensure_future(line.say(say.body("request", b"{}")))
    await asyncio.wait_for(thinking.wait(), PATIENCE)
    await line.reset()
    await asyncio.wait_for(handler.ended.wait(), PATIENCE)
    speaking.cancel()
    await asyncio.wait({speaking})
    assert handler.ends == 1
    assert peer.bugs == []
    assert caplog.records == []


async def test_a_drain_lets_open_streams_finish_and_takes_no_new_ones(peer, directory):
    handler = Scripted()
    await peer.start(lambda metadata: handler, directory)
    line = peer.open()
    await line.say(say.headers("request", say.CHAT, modes=BUFFERED))
    draining = asyncio.ensure_future(peer.drain(PATIENCE))
    await asyncio.sleep(0)
    await until_refused(peer)
    assert say.kind(await line.say(say.body("request", b"{}"))) == "request_body"
    await line.reset()
    await asyncio.wait_for(draining, PATIENCE)
    assert peer.open_streams() == 0
    assert handler.ends == 1


async def test_a_drain_that_waited_long_enough_cuts_what_is_left(peer, directory, caplog):
    handler = Scripted()
    await peer.start(lambda metadata: handler, directory)
    line = peer.open()
    await line.say(say.headers("request", say.CHAT, modes=BUFFERED))
    await peer.drain(0)
    await peer.stop()
    assert await line.hear() == End(clean=False)
    assert handler.ends == 1
    assert caplog.records == []


async def until(holds) -> None:
    async def wait() -> None:
        while not holds():
            await asyncio.sleep(0)

    await asyncio.wait_for(wait(), PATIENCE)


async def until_refused(peer) -> None:
    """A new stream is refused: at once, or as soon as the client has heard the GOAWAY."""

    async def wait() -> None:
        while True:
            try:
                heard = await peer.open().say(say.headers("request", say.CHAT, modes=BUFFERED))
            except ConnectionRefusedError:
                return
            if isinstance(heard, End):
                return

    await asyncio.wait_for(wait(), PATIENCE)
