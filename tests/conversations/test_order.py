"""Scripts of whole conversations: what Envoy may say, in which order, and what it hears."""

import asyncio

import pytest

from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeaderEdit, HeadersReply, ImmediateReply, Modes, Turn
from extproc.wire.pb.external_processor_pb2 import ProcessingRequest
from tests.conversations import messages as say
from tests.conversations.handlers import Scripted, echo, go_on
from tests.conversations.peers import PATIENCE, End

BUFFERED = ("BUFFERED", "NONE")
STREAMED = ("STREAMED", "STREAMED")
UPGRADE = ((":method", b"GET"), (":path", b"/ws"), ("connection", b"upgrade"), ("upgrade", b"websocket"))
CONNECT = ((":method", b"CONNECT"), (":authority", b"db:5432"))
Step = tuple[bytes, str]

SCRIPTS: dict[str, tuple[list[Step], list[str]]] = {
    "a request without a body gets one headers reply and waits for nothing": (
        [(say.headers("request", say.GET, end=True, modes=BUFFERED), "request_headers")],
        ["request headers"],
    ),
    "headers and one buffered body get two replies of their kinds": (
        [
            (say.headers("request", say.CHAT, modes=BUFFERED), "request_headers"),
            (say.body("request", b"{}"), "request_body"),
        ],
        ["request headers", "request body"],
    ),
    "a body streamed in three chunks gets three replies": (
        [
            (say.headers("request", say.CHAT, modes=STREAMED), "request_headers"),
            (say.body("request", b"a", end=False), "request_body"),
            (say.body("request", b"b", end=False), "request_body"),
            (say.body("request", b"", end=True), "request_body"),
        ],
        ["request headers", "request body", "request body", "request body"],
    ),
    "a second end of the body is acknowledged and not handled again": (
        [
            (say.headers("request", say.CHAT, modes=BUFFERED), "request_headers"),
            (say.body("request", b"{}"), "request_body"),
            (say.body("request", b""), "request_body"),
        ],
        ["request headers", "request body"],
    ),
    "a stream that begins with response headers passes as somebody else's answer": (
        [
            (say.headers("response", ((":status", b"401"),), modes=BUFFERED), "response_headers"),
            (say.body("response", b"no"), "response_body"),
            (say.trailers("response"), "response_trailers"),
        ],
        [],
    ),
    "a stream that begins with the body is the handler's to judge": (
        [(say.body("request", b"{}", modes=BUFFERED), "request_body")],
        ["request body"],
    ),
    "request and response trailers are answered by trailers": (
        [
            (say.headers("request", say.CHAT, modes=STREAMED), "request_headers"),
            (say.body("request", b"{}", end=False), "request_body"),
            (say.trailers("request"), "request_trailers"),
            (say.headers("response", say.OK), "response_headers"),
            (say.body("response", b"{}", end=False), "response_body"),
            (say.trailers("response"), "response_trailers"),
        ],
        [
            "request headers",
            "request body",
            "request trailers",
            "response headers",
            "response body",
            "response trailers",
        ],
    ),
    "trailers without any body are answered by trailers": (
        [
            (say.headers("request", say.CHAT, modes=BUFFERED), "request_headers"),
            (say.trailers("request"), "request_trailers"),
        ],
        ["request headers", "request trailers"],
    ),
    "response headers may come before the request's body has ended": (
        [
            (say.headers("request", say.CHAT, modes=STREAMED), "request_headers"),
            (say.body("request", b"a", end=False), "request_body"),
            (say.headers("response", say.OK), "response_headers"),
            (say.body("request", b"b"), "request_body"),
            (say.body("response", b"{}"), "response_body"),
        ],
        ["request headers", "request body", "response headers", "request body", "response body"],
    ),
    "an upgrade never sends the body that its headers left open": (
        [
            (say.headers("request", UPGRADE, modes=("NONE", "NONE")), "request_headers"),
            (say.headers("response", ((":status", b"101"),)), "response_headers"),
        ],
        ["request headers", "response headers"],
    ),
    "a CONNECT without path or body is a request like another": (
        [(say.headers("request", CONNECT, modes=("NONE", "NONE")), "request_headers")],
        ["request headers"],
    ),
    "server-sent events cut anywhere get one reply for each chunk": (
        [
            (say.headers("request", say.GET, end=True, modes=("NONE", "STREAMED")), "request_headers"),
            (say.headers("response", say.OK), "response_headers"),
            (say.body("response", b'data: {"a"', end=False), "response_body"),
            (say.body("response", b": 1}\r\n\r\ndata: [DO", end=False), "response_body"),
            (say.body("response", b"NE]\r\n\r\n", end=True), "response_body"),
        ],
        ["request headers", "response headers", "response body", "response body", "response body"],
    ),
}


def told(handler: Scripted) -> list[str]:
    names = {HeadersEvent: "headers", BodyEvent: "body", TrailersEvent: "trailers"}
    return [f"{event.direction} {names[type(event)]}" for event in handler.seen]


@pytest.mark.parametrize("sentence", SCRIPTS)
async def test_every_message_gets_the_reply_of_its_kind(sentence, peer, directory):
    steps, handled = SCRIPTS[sentence]
    handler = Scripted()
    await peer.start(lambda metadata: handler, directory)
    line = peer.open()
    assert [say.kind(await line.say(message)) for message, _ in steps] == [kind for _, kind in steps]
    assert told(handler) == handled
    assert peer.bugs == []


async def test_a_bodys_chunks_come_back_as_they_went(peer, directory):
    await peer.start(lambda metadata: Scripted(echo), directory)
    line = peer.open()
    await line.say(say.headers("request", say.CHAT, modes=STREAMED))
    for chunk in (b"\xe2\x82", b"\xac", b'"model"'):
        reply = say.read(await line.say(say.body("request", chunk, end=False)))
        assert reply.request_body.response.body_mutation.body == chunk


async def test_under_observability_nothing_is_answered_and_nothing_handled(peer, directory):
    handlers = [Scripted(), Scripted()]
    waiting = iter(handlers)
    await peer.start(lambda metadata: next(waiting), directory)
    line = peer.open()
    await line.tell(say.headers("request", say.CHAT, modes=STREAMED, observability=True))
    await line.tell(say.body("request", b"{}", observability=True))
    # an exchange of its own shows that the server had its turn
    await peer.open().say(say.headers("request", say.GET, end=True, modes=BUFFERED))
    await line.reset()
    assert isinstance(await line.hear(), End)
    await asyncio.gather(
        *(asyncio.wait_for(handler.ended.wait(), PATIENCE) for handler in handlers if not handler.seen)
    )
    assert sorted(len(handler.seen) for handler in handlers) == [0, 1]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\xff\xff\xff\xff garbage", id="bytes that are no message"),
        pytest.param(b"", id="an empty message"),
        pytest.param(b"\xa2\x06\x02\x08\x01", id="a part of a newer protocol"),
        pytest.param(ProcessingRequest(observability_mode=False).SerializeToString(), id="no part at all"),
        pytest.param(say.headers("request", say.CHAT, modes=("FULL_DUPLEX_STREAMED", "NONE")), id="a mode not spoken"),
    ],
)
async def test_what_cannot_be_understood_ends_its_own_stream_with_an_error(message, peer, directory):
    handlers = []

    def make(metadata):
        handlers.append(Scripted())
        return handlers[-1]

    await peer.start(make, directory)
    healthy, broken = peer.open(), peer.open()
    assert say.kind(await healthy.say(say.headers("request", say.CHAT, modes=BUFFERED))) == "request_headers"
    assert await broken.say(message) == End(clean=False)
    assert say.kind(await healthy.say(say.body("request", b"{}"))) == "request_body"
    assert sum(len(handler.seen) for handler in handlers) == 2


async def test_headers_twice_end_the_stream_with_an_error(peer, directory):
    await peer.start(lambda metadata: Scripted(), directory)
    line = peer.open()
    await line.say(say.headers("request", say.CHAT, modes=BUFFERED))
    assert await line.say(say.headers("request", say.CHAT)) == End(clean=False)


async def test_a_handler_that_is_done_ends_the_stream_cleanly(peer, directory):
    handler = Scripted(lambda event: Turn(go_on(event), done=True))
    await peer.start(lambda metadata: handler, directory)
    line = peer.open()
    assert say.kind(await line.say(say.headers("request", say.CHAT, modes=BUFFERED))) == "request_headers"
    assert await line.hear() == End(clean=True)
    assert handler.ends == 1


async def test_an_immediate_reply_is_the_last_word(peer, directory):
    refusal = ImmediateReply(404, (("content-type", "application/json"),), b'{"error":1}', "model not found: é")
    await peer.start(lambda metadata: Scripted(lambda event: refusal), directory)
    line = peer.open()
    answer = say.read(await line.say(say.headers("request", say.CHAT, modes=BUFFERED))).immediate_response
    assert (answer.status.code, answer.body, answer.details) == (404, b'{"error":1}', "model_not_found:__")
    assert [(h.header.key, h.header.raw_value) for h in answer.headers.set_headers] == [
        ("content-type", b"application/json")
    ]
    assert await line.hear() == End(clean=True)


def fails_on(kind: type, direction: str):
    def answer(event):
        if isinstance(event, kind) and event.direction == direction:
            raise LookupError("a bug")
        return go_on(event)

    return answer


async def test_a_bug_is_answered_with_500_while_the_headers_are_held(peer, directory):
    await peer.start(lambda metadata: Scripted(fails_on(BodyEvent, "request")), directory)
    line = peer.open()
    await line.say(say.headers("request", say.CHAT, modes=BUFFERED))
    answer = say.read(await line.say(say.body("request", b"{}")))
    assert answer.immediate_response.status.code == 500
    assert await line.hear() == End(clean=True)
    assert [type(bug) for bug in peer.bugs] == [LookupError]


async def test_a_bug_in_a_running_answer_is_a_visible_error_and_not_a_clean_end(peer, directory):
    handler = Scripted(fails_on(BodyEvent, "response"))
    await peer.start(lambda metadata: handler, directory)
    line = peer.open()
    await line.say(say.headers("request", say.GET, end=True, modes=STREAMED))
    await line.say(say.headers("response", say.OK))
    assert await line.say(say.body("response", b"data: 1", end=False)) == End(clean=False)
    assert [type(bug) for bug in peer.bugs] == [LookupError]
    assert handler.ends == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(BodyReply("request"), id="another kind"),
        pytest.param(HeadersReply("response"), id="another direction"),
        pytest.param(HeadersReply("request", edit=HeaderEdit(set=(("x-a", "1\r\nx-b: 2"),))), id="a split header"),
        pytest.param(HeadersReply("request", edit=HeaderEdit(set=(("x a", "1"),))), id="a name with a blank"),
        pytest.param(HeadersReply("request", metadata={"extproc": {"k": object()}}), id="metadata of a strange type"),
        pytest.param(Turn(None), id="no reply at all"),
    ],
)
async def test_a_reply_that_does_not_fit_becomes_500_and_is_never_sent(reply, peer, directory):
    await peer.start(lambda metadata: Scripted(lambda event: reply), directory)
    answer = await peer.open().say(say.headers("request", say.CHAT, modes=BUFFERED))
    assert say.read(answer).immediate_response.status.code == 500
    assert len(peer.bugs) == 1


async def test_a_mode_override_stands_in_a_headers_reply_with_every_field(peer, directory):
    reply = HeadersReply("request", modes=Modes(response_headers=True, request_body="NONE", response_body="STREAMED"))
    await peer.start(lambda metadata: Scripted(lambda event: reply), directory)
    override = say.read(await peer.open().say(say.headers("request", say.CHAT, modes=BUFFERED))).mode_override
    assert [
        override.request_header_mode,
        override.response_header_mode,
        override.request_body_mode,
        override.response_body_mode,
        override.request_trailer_mode,
        override.response_trailer_mode,
    ] == [1, 1, 0, 1, 2, 2]


async def test_the_streams_metadata_reaches_the_handler_factory(peer, directory):
    seen = []

    def make(metadata):
        seen.append(metadata["x-extproc-filter"])
        return Scripted()

    await peer.start(make, directory)
    await peer.open({"x-extproc-filter": "attempt"}).say(say.headers("request", say.CHAT, modes=BUFFERED))
    assert seen == ["attempt"]
